// A part of a screen with a title, how much it is about, and ways to look at it otherwise: in TraceQL, in SQL, as a table,
// as a picture, as CSV.
import type { ComponentChildren } from 'preact';
import { href } from '@/app/location';
import { Boundary } from './boundary';

interface Props {
  title: string;
  sample?: string; // "153 agents"
  traceql?: string; // where the query opens
  sql?: string;
  tools?: ComponentChildren;
  wide?: boolean;
  children: ComponentChildren;
}

export function Panel({ title, sample, traceql, sql, tools, wide, children }: Props) {
  return (
    <section class={wide ? 'panel wide' : 'panel'} aria-label={title}>
      <header class="panel-head">
        <h2>{title}</h2>
        {sample && <span class="detail">{sample}</span>}
        <span class="gap" />
        {traceql && (
          <a href={href(traceql)} aria-label={`${title} as TraceQL`}>
            TraceQL
          </a>
        )}
        {sql && (
          <a href={href(sql)} aria-label={`${title} as SQL`}>
            SQL
          </a>
        )}
        {tools}
      </header>
      <Boundary what={title}>{children}</Boundary>
    </section>
  );
}
