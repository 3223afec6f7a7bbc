// Colours of TraceQL while it is written: a tokenizer only. What is right and what is not, says the server's parser.
import { StreamLanguage } from '@codemirror/language';

const kWords =
  /^(by|coalesce|select|count|sum|avg|min|max|quantile|rate|compare|topk|bottomk|with|count_over_time|min_over_time|max_over_time|avg_over_time|sum_over_time|quantile_over_time|histogram_over_time)$/;
const kConstants =
  /^(true|false|nil|ok|error|unset|server|client|producer|consumer|internal|unspecified|minInt|maxInt)$/;

export const traceql = StreamLanguage.define<{ isInComment: boolean }>({
  name: 'traceql',
  startState: () => ({ isInComment: false }),
  token(stream, state) {
    if (state.isInComment || stream.match('/*')) {
      state.isInComment = !stream.match(/^.*?\*\//);
      if (state.isInComment) stream.skipToEnd();
      return 'comment';
    }
    if (stream.eatSpace()) return null;
    if (stream.match(/^\/\/.*/)) return 'comment';
    if (stream.match(/^"(?:[^"\\]|\\.)*"?/) || stream.match(/^`[^`]*`?/)) return 'string';
    if (stream.match(/^\d+(\.\d+)?([eE][+-]?\d+)?(ns|us|µs|ms|s|m|h|d)?/)) return 'number';
    if (stream.match(/^[.\w][\w.:/-]*/)) {
      const word = stream.current();
      return kWords.test(word) ? 'keyword' : kConstants.test(word) ? 'atom' : 'propertyName';
    }
    if (stream.match(/^[=!<>~&|+*/%^-]+/)) return 'operator';
    stream.next();
    return 'bracket';
  },
});
