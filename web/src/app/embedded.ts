// Jaeger's parameters for a page that stands inside another one, which has a frame of its own: uiEmbed=v0, and what else is
// left out then.
import { computed } from '@preact/signals';
import { query } from './location';

export const isEmbedded = computed(() => query.value.get('uiEmbed') === 'v0');

const isOn = (name: string) => isEmbedded.value && query.value.get(name) === '1';
export const hidesSummary = computed(() => isOn('uiTimelineHideSummary') || isOn('uiTimelineCollapseTitle'));
export const hidesMinimap = computed(() => isOn('uiTimelineHideMinimap'));
