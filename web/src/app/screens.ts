// The screens: their paths, where they stand in the navigation, and how they are loaded when first wanted. A new screen is
// a folder in src/screens and an entry here.
import type { ComponentType } from 'preact';
import type { Capabilities } from '@/api/types';
import { waiting } from './inbox';

export interface ScreenProps {
  // What the path's {name}s were.
  readonly parameters: Readonly<Record<string, string>>;
}

export interface Screen {
  readonly path: string; // "/trace/{id}"
  readonly name: string; // in the navigation and the title
  readonly load: () => Promise<{ default: ComponentType<ScreenProps> }>;
  readonly key?: string; // after `g`
  readonly inNavigation?: boolean;
  // How much waits there for a person: stands beside the name.
  readonly waiting?: () => number;
  // Whether this server can show it; without it, always.
  readonly isThere?: (server: Capabilities) => boolean;
}

export const screens: readonly Screen[] = [
  {
    path: '/search',
    name: 'Search',
    key: 's',
    inNavigation: true,
    load: () => import('@/screens/search/search_screen'),
  },
  {
    path: '/analytics',
    name: 'Analytics',
    key: 'a',
    inNavigation: true,
    load: () => import('@/screens/analytics/analytics_screen'),
  },
  {
    path: '/blocked',
    name: 'Blocked',
    key: 'b',
    inNavigation: true,
    load: () => import('@/screens/blocked/blocked_screen'),
  },
  { path: '/alerts', name: 'Alerts', inNavigation: true, load: () => import('@/screens/alerts/alerts_screen') },
  {
    path: '/dependencies',
    name: 'Services',
    inNavigation: true,
    load: () => import('@/screens/services/services_screen'),
  },
  {
    path: '/differ',
    name: 'What differs',
    key: 'w',
    inNavigation: true,
    load: () => import('@/screens/differ/differ_screen'),
  },
  {
    path: '/query',
    name: 'Query',
    key: 'q',
    inNavigation: true,
    load: () => import('@/screens/query/query_screen'),
  },
  {
    path: '/sql',
    name: 'SQL',
    inNavigation: true,
    load: () => import('@/screens/query/sql_screen'),
    isThere: (server) => server.sql,
  },
  {
    path: '/approvals',
    name: 'Approvals',
    key: 'i',
    inNavigation: true,
    load: () => import('@/screens/approvals/approvals_screen'),
    isThere: (server) => server.runtime !== false,
    waiting: () => waiting.value,
  },
  { path: '/trace/{id}', name: 'Trace', load: () => import('@/screens/trace/trace_screen') },
];

export interface Found {
  readonly screen: Screen;
  readonly parameters: Record<string, string>;
}

export function findScreen(path: string): Found | null {
  const pieces = path.replace(/\/+$/, '').split('/');
  for (const screen of screens) {
    const wanted = screen.path.split('/');
    if (wanted.length !== pieces.length) continue;
    const parameters: Record<string, string> = {};
    const fits = wanted.every((each, i) => {
      if (!each.startsWith('{')) return each === pieces[i];
      try {
        parameters[each.slice(1, -1)] = decodeURIComponent(pieces[i]);
      } catch {
        return false;
      }
      return pieces[i] !== '';
    });
    if (fits) return { screen, parameters };
  }
  return null;
}
