/** What this room refuses, in public words. */

import { refusals } from '../base/index.ts'

export const refuse = refusals({
  bad_opening: [400, 'An opening is JSON: {"proof": "...", "attempt": "..."}.'],
  wrapped_unknown: [404, 'There is nothing at this address for this key.'],
  wrapped_expired: [
    410,
    'It was not opened in time. What it held was shown to nobody here.',
    'Ask whoever sent it to rotate the token and send the new address.',
  ],
  wrapped_opened: [
    409,
    'It was opened before, by somebody else. The token inside has been revoked.',
    'Ask whoever sent it for another, and tell them: somebody has read your messages.',
  ],
  method_not_allowed: [405, 'This address is read with GET and opened with POST.'],
  bad_lifetime: [400, 'A wrapped secret lives for 1 second to 15 minutes.'],
  bad_recipient_key: [
    400,
    'The recipient gives one public JWK for encryption: EC P-256, P-384 or P-521, X25519, or RSA of 2,048 to 8,192 bits.',
  ],
  private_recipient_key: [
    400,
    'This JWK holds a private key. It must never leave its owner: make a new pair and send the public half.',
  ],
})
