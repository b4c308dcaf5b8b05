/** What a network is called, everywhere: an address, or CIDR form (RFC 4632, RFC 4291). One rule, so that what one door takes the others take. */

import { isIP } from 'node:net'

const V4 = '(\\d{1,3}\\.){3}\\d{1,3}(/(\\d|[12]\\d|3[0-2]))?'
const V6 = '[0-9a-fA-F.:]*:[0-9a-fA-F.:]*(/(\\d|[1-9]\\d|1[01]\\d|12[0-8]))?'

/** Its shape, for descriptions. A zone (`%eth0`) means something on one host alone; `/08` is eight to some and nothing to others. */
export const NETWORK = new RegExp(`^(${V4}|${V6})$`)

/** Whether a text is a network in CIDR form, or one address (v4 or v6). */
export const isNetwork = (text: string): boolean =>
  text.length <= 49 && NETWORK.test(text) && isIP(text.split('/')[0] ?? '') !== 0
