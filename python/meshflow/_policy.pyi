from os import PathLike
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

class Policy:
    mode: str
    budget_usd: Optional[float]
    budget_tokens: int
    timeout_s: float
    step_timeout_s: float
    max_steps: int
    max_replans: int
    enable_guardian: Optional[bool]
    uncertainty_block: float
    uncertainty_hitl: float
    human_in_loop: Dict[str, Any]
    step_cost_block_usd: float
    content_policy: Dict[str, Any]
    prices_file: str
    carbon_budget_g: float
    region: str
    compliance: Optional[str]
    require_evidence: Optional[bool]
    require_citations: Optional[bool]
    scrub_health_data: Optional[bool]
    retries: int
    retry_backoff_s: float
    circuit_breaker: Dict[str, Any]
    capture_content: bool
    telemetry_console: Union[bool, str]
    telemetry_otlp_endpoint: str
    telemetry_otlp_protocol: str
    telemetry_otlp_headers: Dict[str, str]
    telemetry_short_attributes: bool
    telemetry_file: str
    telemetry_openinference: bool
    telemetry_langfuse: bool
    telemetry_baggage_keys: List[str]
    telemetry_shutdown_timeout_ms: int
    variant: str
    data_dir: str

    def __init__(
        self,
        *,
        mode: Optional[str] = ...,
        budget_usd: Optional[float] = ...,
        budget_tokens: Optional[int] = ...,
        timeout_s: Optional[float] = ...,
        step_timeout_s: Optional[float] = ...,
        max_steps: Optional[int] = ...,
        max_replans: Optional[int] = ...,
        enable_guardian: Optional[bool] = ...,
        uncertainty_block: Optional[float] = ...,
        uncertainty_hitl: Optional[float] = ...,
        human_in_loop: Optional[Mapping[str, Any]] = ...,
        step_cost_block_usd: Optional[float] = ...,
        content_policy: Optional[Mapping[str, Any]] = ...,
        prices_file: Optional[Union[str, PathLike[str]]] = ...,
        carbon_budget_g: Optional[float] = ...,
        region: Optional[str] = ...,
        compliance: Optional[str] = ...,
        require_evidence: Optional[bool] = ...,
        require_citations: Optional[bool] = ...,
        scrub_health_data: Optional[bool] = ...,
        retries: Optional[int] = ...,
        retry_backoff_s: Optional[float] = ...,
        circuit_breaker: Optional[Mapping[str, Any]] = ...,
        capture_content: Optional[bool] = ...,
        telemetry_console: Optional[Union[bool, str]] = ...,
        telemetry_otlp_endpoint: Optional[str] = ...,
        telemetry_otlp_protocol: Optional[str] = ...,
        telemetry_otlp_headers: Optional[Mapping[str, str]] = ...,
        telemetry_short_attributes: Optional[bool] = ...,
        telemetry_file: Optional[Union[str, PathLike[str]]] = ...,
        telemetry_openinference: Optional[bool] = ...,
        telemetry_langfuse: Optional[bool] = ...,
        telemetry_baggage_keys: Optional[Sequence[str]] = ...,
        telemetry_shutdown_timeout_ms: Optional[int] = ...,
        variant: Optional[str] = ...,
        data_dir: Optional[Union[str, PathLike[str]]] = ...,
    ) -> None: ...
    @classmethod
    def from_yaml(cls, text: str, file: str = ...) -> Policy: ...
    @classmethod
    def from_environment(cls, base: Optional[Policy] = ...) -> Policy: ...
    @staticmethod
    def field_names() -> List[str]: ...
    def replace(self, **fields: Any) -> Policy: ...
    def as_dict(self) -> Dict[str, Any]: ...
