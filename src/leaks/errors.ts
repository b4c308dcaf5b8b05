/** What this room refuses, in public words. None of them says anything about a token. */

import { refusals } from '../base/index.ts'

export const refuse = refusals({
  bad_report: [400, 'A report is JSON: {"tokens": ["..."]}, with 1 to 1,000 texts.'],
  bad_signed_report: [
    400,
    'A signed report is a JSON array of {"token", "type", "url", "source"}, with at most 1,000 of them.',
  ],
  too_many_reports: [429, 'Too many reports from this network; try again later.'],
  bad_signature: [401, 'The report is not signed by a key that is known here.'],
  keys_unavailable: [503, "The reporter's keys can't be had at the moment; send the report again later."],
  method_not_allowed: [405, 'Reports are sent with POST.'],
})
