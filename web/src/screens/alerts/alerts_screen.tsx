// Alerts: which rule fires, since when, on which runs?
import { useEffect, useRef } from 'preact/hooks';
import { type Alert, type AlertRule, type AlertState, alertRules } from '@/api/alerts';
import { useLoad } from '@/api/load';
import { announce } from '@/app/announce';
import { href } from '@/app/location';
import { ruleAsYaml, thresholdOf } from '@/model/alert_rule';
import { shortId } from '@/model/ids';
import { clockTime, count, duration, threeDigits, utcTime } from '@/model/units';
import { Boundary } from '@/ui/boundary';
import { Copy } from '@/ui/copy';
import { useRowKeys } from '@/ui/row_keys';
import { Empty, Loaded } from '@/ui/states';
import { Text } from '@/ui/text';
import '@/styles/panels.css';
import '@/styles/alerts.css';

const kAgainMs = 5000; // rules are evaluated about as often
const kOrder: readonly AlertState[] = ['firing', 'pending', 'resolved', 'inactive'];
const kMarks: Record<AlertState, readonly [string, string]> = {
  firing: ['⚠', 'status-bad'],
  pending: ['‖', 'status-pending'],
  resolved: ['✓', 'status-plain'],
  inactive: ['·', 'status-plain'],
};

export default function AlertsScreen() {
  const rules = useLoad('rules', alertRules);
  const list = useRef<HTMLDivElement>(null);
  useRowKeys(list, 'Alerts', 'rule');
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible' && rules.since.peek() === null) rules.run();
    }, kAgainMs);
    return () => clearInterval(timer);
  }, []);
  const told = useRef<string | null>(null);
  const firing = (rules.data.value ?? []).filter((rule) => rule.state === 'firing').map((rule) => rule.name);
  useEffect(() => {
    if (rules.data.value === null) return;
    const now = firing.join(', ');
    if (told.current !== null && told.current !== now) announce(now === '' ? 'no rule fires' : `firing: ${now}`);
    told.current = now;
  }, [firing.join(', '), rules.data.value === null]);

  return (
    <div class="alerts">
      <h1 class="unseen">Alerts</h1>
      <Boundary what="the alert rules">
        <Loaded load={rules} what="the alert rules">
          {(all) => (all.length === 0 ? <NoRules /> : <Rules rules={all} list={list} />)}
        </Loaded>
      </Boundary>
    </div>
  );
}

function Rules({ rules, list }: { rules: readonly AlertRule[]; list: { current: HTMLDivElement | null } }) {
  const sorted = [...rules].sort((a, b) => kOrder.indexOf(a.state) - kOrder.indexOf(b.state));
  const firing = rules.filter((rule) => rule.state === 'firing').length;
  return (
    <>
      <div class="screen-bar">
        <h2 class="total">
          {firing === 0 ? 'No rule fires' : firing === 1 ? '1 rule fires' : `${firing} rules fire`}{' '}
          <span class="detail">of {count(rules.length)}</span>
        </h2>
        <span class="gap" />
        <span class="detail">read every five seconds</span>
      </div>
      <div ref={list}>
        {sorted.map((rule) => (
          <Rule rule={rule} key={`${rule.group} ${rule.name}`} />
        ))}
      </div>
    </>
  );
}

function State({ state }: { state: AlertState }) {
  const [glyph, tone] = kMarks[state] ?? kMarks.inactive;
  return (
    <span class={`status ${tone}`}>
      <span aria-hidden="true">{glyph}</span> {state}
    </span>
  );
}

const value = (number: number | null) =>
  number === null ? '–' : Number.isInteger(number) ? count(number) : threeDigits(number);
const since = (nanos: number | string | null) => (nanos === null ? null : BigInt(nanos));

function Rule({ rule }: { rule: AlertRule }) {
  const began = since(rule.since_ns);
  const threshold = thresholdOf(rule.expr);
  const first = rule.alerts[0];
  return (
    <section class="rule" data-row aria-label={`${rule.name}: ${rule.state}`}>
      <div class="rule-head">
        <State state={rule.state} />
        <h3>
          <Text text={rule.name} max={120} />
        </h3>
        <span class="detail">
          <Text text={rule.group} max={60} />
        </span>
        <span class="gap" />
        {rule.value !== null && (
          <span>
            <strong>{value(rule.value)}</strong> {threshold && <span class="detail">fires at {threshold}</span>}
          </span>
        )}
        {rule.value === null && threshold && <span class="detail">fires at {threshold}</span>}
        {began !== null && (
          <span title={utcTime(began)}>
            for {duration(Date.now() * 1e6 - Number(began))}{' '}
            <span class="detail">since {clockTime(began).slice(0, -4)}</span>
          </span>
        )}
        <Copy
          label={`Copy ${rule.name} as a Prometheus rule`}
          text={() => ruleAsYaml({ ...rule, labels: labelsOf(first), annotations: first?.annotations })}
        >
          Copy for Prometheus
        </Copy>
      </div>
      <pre class="rule-expr">
        <Text text={rule.expr} max={4096} />
      </pre>
      {rule.for_s > 0 && <p class="detail">has to hold for {duration(rule.for_s * 1e9)}</p>}
      {rule.error && (
        <p class="failure" role="alert">
          <strong>It could not be evaluated:</strong> <Text text={rule.error} max={500} />
        </p>
      )}
      {rule.alerts.length > 0 && <AlertsOf rule={rule} />}
      {rule.traces.length > 0 && (
        <p class="rule-runs">
          <span class="detail">Runs that counted</span>{' '}
          {rule.traces.map((id) => (
            <a href={href(`/trace/${id}`)} class="mono" key={id} aria-label={`Trace ${id}`}>
              {shortId(id)}
            </a>
          ))}
        </p>
      )}
    </section>
  );
}

const labelsOf = (alert: Alert | undefined): Record<string, string> | undefined => {
  if (!alert) return undefined;
  const { alertname: _, ...labels } = alert.labels;
  return labels;
};

// Each series that the expression gives.
function AlertsOf({ rule }: { rule: AlertRule }) {
  return (
    <ul class="rule-alerts">
      {rule.alerts.map((alert, i) => (
        <li key={i}>
          {rule.alerts.length > 1 && (
            <>
              <State state={alert.state} /> <strong>{value(alert.value)}</strong>{' '}
            </>
          )}
          {alert.annotations.summary && <Text text={alert.annotations.summary} max={500} />}{' '}
          <span class="detail">
            {Object.entries(labelsOf(alert) ?? {}).map(([name, text]) => (
              <code key={name}>
                <Text text={`${name}="${text}"`} max={120} />{' '}
              </code>
            ))}
          </span>
        </li>
      ))}
    </ul>
  );
}

function NoRules() {
  return (
    <Empty title="There are no rules">
      <p>The server watches its traces by rules in Prometheus’ form, and tells webhooks and Alertmanager what fires:</p>
      <pre class="commands">{'meshflow serve --rules examples/alerts/rules.yaml'}</pre>
      <p>That file has rules for expensive runs, frequent blocks and slow roles.</p>
    </Empty>
  );
}
