/**
 * Lifecycle policies that ship, as data. A token may name one, and a policy of the configuration may build on one; whatever else
 * matches can only be stricter. Each figure says where it comes from; "ours" are our own choice and claim no authority.
 */

import type { TokenFigures, TokenTemplate } from '../config/index.ts'

const HOUR = 3600
const DAY = 24 * HOUR

/**
 * Unused for 30 days: warned, for 60: held, for 90: ended. The ladder that people expect of token managers (AWS Access Analyzer
 * calls a key unused after 90 days; PCI DSS 4.0.1, 8.2.6: inactive accounts are removed or disabled within 90 days).
 */
const LADDER = { warn: 30 * DAY, quarantine: 60 * DAY, revoke: 90 * DAY }

export const templates: Readonly<Record<TokenTemplate, TokenFigures>> = {
  // Pipelines: npm ended tokens without an end in December 2025 and GitLab caps at a year; a pipeline can rotate itself, so 90 days
  // and a rotation a month (ours). One that has not run for two weeks is likely forgotten (ours).
  ci: {
    lifetimeSecondsMax: 90 * DAY,
    rotateEverySeconds: 30 * DAY,
    overlapSeconds: DAY,
    dormantSeconds: { warn: 14 * DAY, quarantine: 30 * DAY, revoke: 90 * DAY },
  },
  // Another company's people need time to change a secret: a week of overlap, four rotations a year, a second person's yes (ours).
  partner: {
    lifetimeSecondsMax: 366 * DAY,
    rotateEverySeconds: 90 * DAY,
    overlapSeconds: 7 * DAY,
    approval: true,
    dormantSeconds: LADDER,
  },
  // GitHub's limit of fine-grained personal tokens: at most 366 days.
  personal: { lifetimeSecondsMax: 366 * DAY, dormantSeconds: LADDER },
  // As `personal`; four rotations a year with a day of overlap (ours).
  service: {
    lifetimeSecondsMax: 366 * DAY,
    rotateEverySeconds: 90 * DAY,
    overlapSeconds: DAY,
    dormantSeconds: LADDER,
  },
  // Agents act by themselves: a token for a day, held after an hour without work, ended with the day (ours; short by intent, as
  // draft-klrc-aiagent-auth asks of agents' credentials).
  agent: { lifetimeSecondsMax: DAY, overlapSeconds: 0, dormantSeconds: { quarantine: HOUR, revoke: DAY } },
  // 8.6.3: secrets of system accounts change by a targeted risk analysis; 90 days as 8.3.9 says for people's. 8.2.6: 90 days unused.
  // 7.2.3: privileges are approved by authorized personnel. What is not rotated in time is held.
  'pci-dss-4': {
    lifetimeSecondsMax: 366 * DAY,
    rotateEverySeconds: 90 * DAY,
    overlapSeconds: DAY,
    overdue: 'quarantine',
    approval: true,
    dormantSeconds: { warn: 60 * DAY, quarantine: 90 * DAY },
  },
  // DPDP Rules 2025, rule 6 asks for access control and its review and names no figure: half a year, the time that CERT-In's
  // directions of 2022 keep logs, so that a token's whole life can be read in them; the usual ladder (ours).
  'india-dpdp': { lifetimeSecondsMax: 180 * DAY, rotateEverySeconds: 90 * DAY, dormantSeconds: LADDER },
  // NIST SP 800-207, 2.1: access by session, least privilege, no standing trust. It names no figure: a month, changed weekly (ours).
  'zero-trust': {
    lifetimeSecondsMax: 30 * DAY,
    rotateEverySeconds: 7 * DAY,
    overlapSeconds: HOUR,
    overdue: 'quarantine',
    approval: true,
    dormantSeconds: { warn: 3 * DAY, quarantine: 7 * DAY, revoke: 30 * DAY },
  },
}
