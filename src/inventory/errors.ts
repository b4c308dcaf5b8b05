/** What the inventory refuses, in public words. */

import { refusals } from '../base/index.ts'

export const refuse = refusals({
  cursor_unknown: [400, 'This cursor is of no page of this question; begin again without it.'],
  query_unknown: [404, 'There is no saved query of this name.'],
  query_exists: [409, 'There is a saved query of this name already.'],
  bad_name: [400, 'A name is 1 to 64 letters, digits, spaces, dots, hyphens or underscores.'],
  too_wide: [400, 'A bulk revocation needs a filter that says something.'],
  confirmation_needed: [409, 'So many credentials need a confirmation code: ask for a plan first.'],
  confirmation_wrong: [403, 'This confirmation code is not of this filter, or older than ten minutes.'],
  inventory_grew: [409, 'More credentials match by now than were confirmed: ask for a plan again.'],
  uses_unknown: [
    409,
    'Some of its uses named no scope: nobody knows what they needed. Narrow it by hand, or have its APIs name scopes.',
  ],
  nothing_left: [409, 'Narrowing would leave no scope: revoke the token instead.'],
})
