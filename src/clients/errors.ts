/** What this room refuses, in public words. */

import { refusals } from '../base/index.ts'

export const refuse = refusals({
  client_exists: [409, 'There is a client with this id already.'],
  client_unknown: [404, 'There is no client with this id.'],
  client_declared: [409, 'This client is declared in the configuration; change it there.'],
  client_undeclared: [409, 'The configuration has this client no more: declare it there again, or remove it here.'],
  bad_client_id: [400, 'A client id is 1 to 256 visible ASCII characters without a colon.'],
  bad_redirect_uri: [
    400,
    'A redirect URI is https, http on loopback, or a private-use scheme with a dot for a native app; without fragment, user and response parameters.',
  ],
  bad_name: [400, 'A name has no control characters and at most 200 characters.'],
  bad_grant: [400, 'This grant type is not offered.'],
  secrets_full: [
    409,
    'Two secrets of this client are live; end the older one (client end-secret) or rotate without an overlap, which ends both.',
  ],
  secret_single: [409, 'This client has no older secret to end.'],
  bad_grace: [400, 'The window for retries is 0 to 60 seconds.'],
  bad_auth_method: [
    400,
    'This client authentication is not offered: secrets are kept as hashes, so client_secret_jwt can not be checked.',
  ],
  client_busy: [409, 'This client is being changed at this moment; try again.'],
  bad_metadata: [400, 'The client metadata does not fit together.'],
  api_exists: [409, 'There is an API with this id already.'],
  api_unknown: [404, 'There is no API with this id.'],
  api_declared: [409, 'This API is declared in the configuration; change it there.'],
  bad_api_id: [400, 'An API id is an absolute URI without fragment (RFC 8707, 2).'],
  bad_scope: [400, 'A scope is one or more visible ASCII characters without quote and backslash (RFC 6749, 3.3).'],
})
