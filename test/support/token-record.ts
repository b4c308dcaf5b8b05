/** A token's record with the usual fields filled in: each test and bench says what matters to it. */

import type { TokenRecord } from '../../src/api-tokens/index.ts'

/** A service token that may read everywhere. */
export const tokenRecord = (more: Partial<TokenRecord> = {}): TokenRecord => ({
  name: 'nightly',
  kind: 'service',
  owner: { type: 'service', id: 'reports' },
  purpose: '',
  keptAt: '',
  labels: [],
  template: null,
  createdAt: 0,
  createdBy: 'operator',
  rotations: 0,
  parent: null,
  canary: false,
  ending: 'abcd',
  approvedBy: null,
  why: null,
  scopes: ['read'],
  apis: [],
  networks: { allow: [], except: [] },
  methods: [],
  paths: [],
  ...more,
})
