/** What this room refuses, in public words. */

import { refusals } from '../base/index.ts'

export const refuse = refusals({
  token_unknown: [404, 'There is no API token with this id.'],
  token_exists: [409, 'This token is known already.'],
  token_state: [
    409,
    'The token is in a state in which this can not be done.',
    '`GET /api/v1/tokens/{id}` says in which; docs/api-tokens.md has a table of what can be done in each.',
  ],
  bad_name: [
    400,
    'A name has 1 to 200 characters, one of them to be seen, and none that controls text or its direction.',
  ],
  bad_text: [400, 'Purpose and place have at most 500 characters, and none that controls text or its direction.'],
  bad_label: [
    400,
    'At most 32 labels, each of 1 to 64 characters, one of them to be seen, and none that controls text or its direction.',
  ],
  bad_rate: [
    400,
    'A label rate:NAME names a limit of the configuration.',
    'The names stand in `tokens.rates`; policies may name them, too, without a label.',
  ],
  bad_scope: [400, 'At most 64 scopes, each declared by one of the APIs that the token is for.'],
  bad_api: [400, 'At most 64 APIs, each of them declared.'],
  bad_network: [400, 'At most 64 networks, each in CIDR form (10.0.0.0/8, 2001:db8::/32) or one address.'],
  bad_method: [400, 'At most 16 methods, each of letters.'],
  bad_path: [400, 'At most 64 path templates such as /orders/{id} and /files/**.'],
  bad_template: [400, 'There is no policy template with this name.'],
  bad_lifetime: [400, 'A lifetime is a positive number of seconds, and a token begins to work before it ends.'],
  lifetime_over: [400, 'A token of this kind may not live so long.'],
  owner_kind: [400, 'Personal tokens belong to accounts, service tokens to services and organisations.'],
  owner_unusable: [
    409,
    'The owner does not exist or may not be used now.',
    'Have it enabled (`mintmark account`, `client` or `organisation` with `enable`), or name another.',
  ],
  scope_not_held: [403, 'A token can only carry scopes that its owner holds.'],
  scope_not_allowed: [
    403,
    'A policy does not allow one of these scopes for such a token.',
    'Ask for fewer scopes. Policies stand in `tokens.policies` of the configuration.',
  ],
  parent_unusable: [409, 'The parent does not exist or does not work now.'],
  parent_of_another: [403, 'A child belongs to the owner of its parent and is of its kind.'],
  parent_too_deep: [400, 'Tokens have at most four ancestors.'],
  wider_than_parent: [403, 'A child can only have rights that its parent has.'],
  outlives_parent: [400, 'A child can not live longer than its parent.'],
  own_approval: [
    403,
    'A token is approved by someone else than who ordered it and who owns it.',
    'Ask a second person with the scope `tokens:approve`.',
  ],
  bad_overlap: [400, 'An overlap is 0, 3600 (1 h), 86400 (24 h) or 604800 (7 d) seconds.'],
  not_narrower: [
    400,
    'Narrowing leaves some of the scopes and adds none.',
    'Name those that stay. To take all, revoke the token; for more, make another.',
  ],
  bad_hash: [400, 'The SHA-256 of a token is 64 hexadecimal digits.'],
})
