/** Which addresses the server's own requests may reach: no private, special or loopback one unless configuration allows its network. */

import { BlockList, isIP } from 'node:net'

const SPECIAL_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]
/** Beyond the special ranges also what maps or tunnels IPv4 (RFC 6890, 6052, 3056, 4380). */
const SPECIAL_V6 = [
  '::/96',
  '::ffff:0:0/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
]

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    const family = isIP(address)
    if (family === 0 || bits === undefined || !/^\d{1,3}$/.test(bits))
      throw new TypeError(`not a network in CIDR form: ${network}`)
    list.addSubnet(address, Number(bits), family === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}

const special = listOf([...SPECIAL_V4, ...SPECIAL_V6])

/** A test for addresses; `allow` are networks in CIDR form. Throws TypeError for a bad one. */
export function reachable(allow: readonly string[]): (address: string) => boolean {
  const allowed = listOf(allow)
  return (address) => {
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    return isIP(address) !== 0 && (allowed.check(address, family) || !special.check(address, family))
  }
}
