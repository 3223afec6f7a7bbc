// Numbers as people read them. Money, carbon and times stay exact: they come as integers and are never added here.

const kNanosPerSecond = 1_000_000_000n;

// Three significant digits, no trailing point: 1.24, 12.4, 124, 1240.
export function threeDigits(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  const text = value.toFixed(Math.min(digits, 12));
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

// "1.24 s", "20.3 ms", "640 µs", "12 ns", "3 min 12 s", "2 h 05 min", "3 d 4 h".
export function duration(nanos: number): string {
  if (!Number.isFinite(nanos)) return '–';
  const sign = nanos < 0 ? '−' : '';
  const ns = Math.abs(nanos);
  if (ns < 1000) return `${sign}${Math.round(ns)} ns`;
  if (ns < 999_500) return `${sign}${threeDigits(ns / 1e3)} µs`;
  if (ns < 999_500_000) return `${sign}${threeDigits(ns / 1e6)} ms`;
  if (ns < 59_950_000_000) return `${sign}${threeDigits(ns / 1e9)} s`;
  const seconds = Math.round(ns / 1e9);
  if (seconds < 3600) return `${sign}${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return `${sign}${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
  const hours = Math.round(seconds / 3600);
  return `${sign}${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const pad = (value: number) => String(value).padStart(2, '0');

// "1,432"; the same in every locale, so that documentation and pages agree.
export function count(value: number | string | bigint | null | undefined): string {
  if (value == null || (typeof value === 'number' && Number.isNaN(value))) return '–';
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

// Nano-dollars, exact: "$0.010722", at least two places, trailing zeros left off.
export function money(nanoDollars: number | string | bigint | null | undefined): string {
  if (nanoDollars == null || (typeof nanoDollars === 'number' && !Number.isFinite(nanoDollars))) return '–';
  const value = BigInt(typeof nanoDollars === 'number' ? Math.round(nanoDollars) : nanoDollars);
  const absolute = value < 0n ? -value : value;
  const places = String(absolute % kNanosPerSecond)
    .padStart(9, '0')
    .replace(/0+$/, '')
    .padEnd(2, '0');
  return `${value < 0n ? '−' : ''}$${count(absolute / kNanosPerSecond)}.${places}`;
}

export function carbon(grams: number | null | undefined): string {
  if (grams == null || !Number.isFinite(grams)) return '–';
  return grams !== 0 && Math.abs(grams) < 0.001 ? `${threeDigits(grams * 1000)} mg` : `${threeDigits(grams)} g`;
}

export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  for (const [unit, size] of [
    ['KiB', 1024],
    ['MiB', 1024 ** 2],
  ] as const) {
    if (value < size * 1024) return `${threeDigits(value / size)} ${unit}`;
  }
  return `${threeDigits(value / 1024 ** 3)} GiB`;
}

export const percent = (share: number): string => `${threeDigits(share * 100)} %`;

const millisOf = (unixNanos: string | bigint) => Number(BigInt(unixNanos) / 1_000_000n);

// "07:10:43.123", with the date in front where it is not today's, in the local zone.
export function clockTime(unixNanos: string | bigint, now = Date.now()): string {
  const time = new Date(millisOf(unixNanos));
  if (Number.isNaN(time.getTime())) return '–';
  const clock = `${pad(time.getHours())}:${pad(time.getMinutes())}:${pad(time.getSeconds())}.${String(time.getMilliseconds()).padStart(3, '0')}`;
  if (time.toDateString() === new Date(now).toDateString()) return clock;
  return `${time.getFullYear()}-${pad(time.getMonth() + 1)}-${pad(time.getDate())} ${clock}`;
}

// "2026-11-26T07:10:43.123456789Z", exact.
export function utcTime(unixNanos: string | bigint): string {
  const value = BigInt(unixNanos);
  const time = new Date(Number(value / 1_000_000n));
  if (Number.isNaN(time.getTime())) return String(unixNanos);
  return `${time.toISOString().slice(0, 19)}.${String(value % kNanosPerSecond).padStart(9, '0')}Z`;
}

// "12 s ago", "3 min ago", "in 2 h".
export function age(unixNanos: string | bigint, now = Date.now()): string {
  return ageOfMillis(now - millisOf(unixNanos));
}

export function ageOfMillis(millis: number): string {
  const seconds = Math.round(Math.abs(millis) / 1000);
  const text =
    seconds < 60
      ? `${seconds} s`
      : seconds < 3600
        ? `${Math.floor(seconds / 60)} min`
        : seconds < 86400
          ? `${Math.floor(seconds / 3600)} h`
          : `${Math.floor(seconds / 86400)} d`;
  return millis < -500 ? `in ${text}` : `${text} ago`;
}

// Go's durations as Jaeger takes them ("1.5ms", "2m30s", "300us"), in ns; null where it is none.
export function parseDuration(text: string): number | null {
  const units: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, μs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };
  const trimmed = text.trim().replaceAll(' ', '');
  if (!/^(\d+(\.\d+)?(ns|us|µs|μs|ms|s|m|h))+$/.test(trimmed)) return null;
  let sum = 0;
  for (const [, number, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|s|m|h)/g)) {
    sum += Number(number) * units[unit];
  }
  return sum;
}

// "1h", "30m", "2d" (Jaeger's lookback), in ms; null where it is none.
export function parseLookback(text: string): number | null {
  const found = /^(\d+)\s*(s|m|h|d|w)$/.exec(text.trim());
  if (!found) return null;
  const unit = { s: 1e3, m: 60e3, h: 3600e3, d: 86400e3, w: 604800e3 }[found[2] as 's'];
  return Number(found[1]) * unit;
}
