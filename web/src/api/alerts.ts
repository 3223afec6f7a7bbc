import { get } from './client';

export type AlertState = 'firing' | 'pending' | 'resolved' | 'inactive';

export interface Alert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  state: AlertState;
  value: number | null;
  since_ns: number | string;
}

export interface AlertRule {
  name: string;
  group: string;
  expr: string;
  for_s: number;
  state: AlertState;
  value: number | null; // of the first alert in that state
  since_ns: number | string | null;
  traces: string[]; // of runs that counted
  error: string | null; // why it could not be evaluated
  alerts: Alert[];
}

export const alertRules = async (signal?: AbortSignal): Promise<AlertRule[]> =>
  (await get<{ rules: AlertRule[] }>('api/meshflow/alerts', signal)).rules;
