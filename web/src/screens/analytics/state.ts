// The state of Analytics as its address.
import { kReportGroups, type ReportGroup } from '@/api/report';
import { type Period, readPeriod, writePeriod } from '@/model/period';

export interface AnalyticsState {
  readonly period: Period;
  readonly by: ReportGroup | ''; // '': each panel by what it is about
  readonly isTable: boolean; // tables of points instead of charts
}

export function readAnalytics(query: URLSearchParams): AnalyticsState {
  const by = query.get('by') ?? '';
  return {
    period: readPeriod(query),
    by: (kReportGroups as readonly string[]).includes(by) ? (by as ReportGroup) : '',
    isTable: query.get('view') === 'table',
  };
}

// Writes the state into a copy of `query`, whose other parameters stay.
export function writeAnalytics(state: AnalyticsState, query: URLSearchParams): URLSearchParams {
  const out = writePeriod(state.period, query);
  state.by === '' ? out.delete('by') : out.set('by', state.by);
  state.isTable ? out.set('view', 'table') : out.delete('view');
  return out;
}
