// Attributes as a table: key, value, and what one may do with them.
import { useState } from 'preact/hooks';
import type { Attribute } from '@/api/types';
import { isScreen } from '@/app/has_screen';
import { go } from '@/app/location';
import { kSearchDefaults, writeSearch } from '@/model/search_url';
import { count } from '@/model/units';
import { copyText } from '@/ui/copy';
import { Text, Value } from '@/ui/text';

interface Props {
  name: string; // of the group; empty: no heading
  attributes: readonly Attribute[];
  total: number; // before a search
  scope: 'span' | 'resource' | 'event' | 'link';
  isOpen: boolean;
}

const kShown = 200;

export function Attributes({ name, attributes, total, scope, isOpen }: Props) {
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? attributes : attributes.slice(0, kShown);
  if (total > 0 && attributes.length === 0) return null;
  const table = (
    <>
      <table>
        {name && <caption class="unseen">Attributes: {name}</caption>}
        <tbody>
          {shown.map((each, i) => (
            <tr key={`${each.key} ${i}`}>
              <th scope="row">
                <Text text={each.key} max={400} />
              </th>
              <td class={`type-${each.type}`} title={each.type}>
                <Value text={textOf(each)} />
                <Menu attribute={each} scope={scope} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {shown.length < attributes.length && (
        <button type="button" class="link" onClick={() => setWhole(true)}>
          show all {count(attributes.length)} attributes
        </button>
      )}
    </>
  );
  if (!name) return <div class="attributes bare">{table}</div>;
  return (
    <details class="attributes" open={isOpen}>
      <summary>
        {name}{' '}
        <span class="detail-count">
          {attributes.length === total ? count(total) : `${count(attributes.length)} of ${count(total)}`}
        </span>
      </summary>
      {table}
    </details>
  );
}

export const textOf = (attribute: Attribute): string => (attribute.value === null ? '' : String(attribute.value));

// An attribute as TraceQL has it: text in quotes, numbers and flags bare; keys that are no plain words in quotes.
export function traceQlOf(attribute: Attribute, scope: Props['scope'], operator: '=' | '!='): string {
  const key = /^[\w.\-/]+$/.test(attribute.key) ? attribute.key : JSON.stringify(attribute.key);
  const isBare = attribute.type === 'int' || attribute.type === 'double' || attribute.type === 'bool';
  const value = isBare ? textOf(attribute) : JSON.stringify(textOf(attribute));
  return `{ ${scope}.${key} ${operator} ${value} }`;
}

function Menu({ attribute, scope }: { attribute: Attribute; scope: Props['scope'] }) {
  const search = (tags: string) => go(`/search?${writeSearch({ ...kSearchDefaults, tags, lookback: '24h' })}`);
  const quoted = /[\s"=<>!]/.test(textOf(attribute)) ? JSON.stringify(textOf(attribute)) : textOf(attribute);
  const isShort = textOf(attribute).length <= 200;
  return (
    <span class="attribute-menu">
      <button
        type="button"
        class="link"
        title="Copy the value"
        onClick={() => copyText(textOf(attribute), 'the value is copied')}
      >
        copy
      </button>
      {isShort && (
        <>
          <button
            type="button"
            class="link"
            title={`Runs with a span that has this ${attribute.key}`}
            onClick={() => search(`${attribute.key}=${quoted}`)}
          >
            filter
          </button>
          <button
            type="button"
            class="link"
            title={`Runs with a span that has another ${attribute.key}`}
            onClick={() => search(`${attribute.key} != ${quoted}`)}
          >
            exclude
          </button>
          {isScreen('/query') && (
            <button
              type="button"
              class="link"
              title={`Count spans by ${attribute.key}`}
              onClick={() =>
                go(`/query?q=${encodeURIComponent(`{ } | count_over_time() by (${scope}.${attribute.key})`)}`)
              }
            >
              group
            </button>
          )}
        </>
      )}
    </span>
  );
}
