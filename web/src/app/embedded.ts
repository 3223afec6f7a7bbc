// Jaeger's uiEmbed=v0: the page stands inside another one, which has a frame of its own.
import { computed } from '@preact/signals';
import { query } from './location';

export const isEmbedded = computed(() => query.value.get('uiEmbed') === 'v0');
