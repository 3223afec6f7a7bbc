// Text from outside, as text nodes only.
import { useState } from 'preact/hooks';
import { linkTarget, pieces, shortened } from '@/model/text';

const kShownMax = 4096;

// One line of text; hidden characters are shown as escapes. `max`: what is longer is cut, the whole is in the title.
export function Text({ text, max = 300 }: { text: string; max?: number }) {
  const shown = pieces(shortened(text, max));
  if (shown.length === 1 && !shown[0].escaped) return <>{shown[0].text}</>;
  return (
    <>
      {shown.map((piece, i) =>
        piece.escaped ? (
          <span class="escape" key={i}>
            {piece.text}
          </span>
        ) : (
          piece.text
        ),
      )}
    </>
  );
}

// A value as it came, in full on demand. An address of the web is a link that shows where it leads.
export function Value({ text }: { text: string }) {
  const [isWhole, setWhole] = useState(false);
  const target = linkTarget(text);
  if (target) {
    return (
      <a href={target} target="_blank" rel="noopener noreferrer" class="value">
        {text}
      </a>
    );
  }
  return (
    <span class="value">
      <Text text={text} max={isWhole ? Number.POSITIVE_INFINITY : kShownMax} />
      {text.length > kShownMax && !isWhole && (
        <button type="button" class="link" onClick={() => setWhole(true)}>
          show all {text.length.toLocaleString('en')} characters
        </button>
      )}
    </span>
  );
}
