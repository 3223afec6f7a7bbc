import { describe, expect, test } from 'vitest';
import { jaegerTracesIn, outlineOfJaeger, spanOfJaeger } from '@/model/jaeger_file';
import { Kind, nameOf, readOutline, Status, serviceOf, Verdict } from '@/model/outline';

// As Jaeger's UI saves one.
const trace = {
  traceID: 'ab',
  processes: { p1: { serviceName: 'meshflow', tags: [{ key: 'host', type: 'string', value: 'h' }] } },
  spans: [
    {
      spanID: '2',
      operationName: 'meshflow.agent',
      startTime: 1500,
      duration: 400,
      processID: 'p1',
      references: [{ refType: 'CHILD_OF', traceID: 'ab', spanID: '1' }],
      tags: [
        { key: 'meshflow.verdict', type: 'string', value: 'blocked' },
        { key: 'meshflow.cost_usd', type: 'float64', value: 0.001017 },
        { key: 'meshflow.tokens', type: 'int64', value: 95 },
        { key: 'error', type: 'bool', value: true },
      ],
      logs: [
        {
          timestamp: 1600,
          fields: [
            { key: 'event', type: 'string', value: 'retry' },
            { key: 'n', type: 'int64', value: 2 },
          ],
        },
      ],
    },
    { spanID: '1', operationName: 'meshflow.run', startTime: 1000, duration: 1000, processID: 'p1' },
    {
      spanID: '3',
      operationName: 'chat x',
      startTime: 1700,
      duration: 1,
      processID: 'p1',
      references: [{ refType: 'CHILD_OF', traceID: 'ab', spanID: '9' }],
      tags: [{ key: 'gen_ai.operation.name', value: 'chat' }],
    },
  ],
};

describe("a trace from a file in Jaeger's JSON", () => {
  test('is an outline in order of start', () => {
    const outline = readOutline('ab', outlineOfJaeger(trace));
    expect([nameOf(outline, 0), nameOf(outline, 1)]).toEqual(['meshflow.run', 'meshflow.agent']);
    expect(Array.from(outline.parent)).toEqual([-1, 0, -2]);
    expect(Array.from(outline.kind)).toEqual([Kind.run, Kind.agent, Kind.model]);
    expect([outline.start[1], outline.duration[1]]).toEqual([500_000, 400_000]);
    expect([outline.verdict[1], outline.status[1], outline.cost[1], outline.tokens[1]]).toEqual([
      Verdict.blocked,
      Status.error,
      1_017_000,
      95,
    ]);
    expect(outline.events.get(1)).toEqual([600_000]);
    expect(serviceOf(outline, 0)).toBe('meshflow');
    expect(outline.missing).toEqual([{ span_id: '0000000000000009', children: [2] }]);
  });

  test('has whole spans', () => {
    const span = spanOfJaeger(trace, '0000000000000002')!;
    expect(span.parent_span_id).toBe('0000000000000001');
    expect(span.status.code).toBe('error');
    expect(span.attributes[2]).toEqual({ key: 'meshflow.tokens', type: 'int', value: '95' });
    expect(span.events).toEqual([
      { name: 'retry', time_ns: '1600000', attributes: [{ key: 'n', type: 'int', value: '2' }] },
    ]);
    expect(spanOfJaeger(trace, 'ff')).toBe(null);
  });

  test('is told from what is none', () => {
    expect(jaegerTracesIn({ data: [trace] })).toEqual([trace]);
    expect(jaegerTracesIn(trace)).toEqual([trace]);
    for (const value of [
      {},
      [],
      { data: [] },
      null,
      'text',
      { traceID: '<b>', spans: [] },
      { traceID: 'ab', spans: [{}] },
    ]) {
      expect(jaegerTracesIn(value)).toBe(null);
    }
  });
});
