// Whether there is a screen at a path, so that nothing leads to one that this build or this server lacks.
import { findScreen } from './screens';
import { isThere } from './server';

export function isScreen(path: string): boolean {
  const found = findScreen(path);
  return found !== null && isThere(found.screen);
}
