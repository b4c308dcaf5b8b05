/** Networks, methods and paths of a token: pure matching. */

import { BlockList, isIP } from 'node:net'
import type { Networks } from './records.ts'

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const text of networks) {
    const [address = '', bits] = text.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return list
}

/** A v4 address inside v6 (`::ffff:10.0.0.1`) is the v4 one: otherwise an `except` of v4 could be walked around. */
function plain(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  return mapped?.[1] ?? address
}

/** Whether an address is within. An address that is not known (undefined) is only within where nothing is restricted. */
export function isWithin({ allow, except }: Networks, address: string | undefined): boolean {
  if (allow.length === 0 && except.length === 0) return true
  const text = address === undefined ? '' : plain(address)
  const version = isIP(text)
  if (version === 0) return false
  const family = version === 6 ? 'ipv6' : 'ipv4'
  return (allow.length === 0 || listOf(allow).check(text, family)) && !listOf(except).check(text, family)
}

/** `/orders/{id}` matches one segment, `/files/**` the rest. Compared as it is sent: no decoding, no `..`. */
export function matchesPath(template: string, path: string): boolean {
  const [want, have] = [template.split('/'), (path.split('?')[0] ?? '').split('/')]
  if (have.some((part) => part === '..' || part === '.' || /%2e|%2f|\\/i.test(part))) return false
  for (const [n, part] of want.entries()) {
    if (part === '**') return have.length >= n
    const other = have[n]
    if (other === undefined) return false
    if (/^\{[^}]+\}$/.test(part) ? other === '' : part !== other) return false
  }
  return want.length === have.length
}

/** Whether a path template is one. */
export const isTemplate = (text: string): boolean =>
  text.startsWith('/') && !text.includes('?') && !/\*\*./.test(text) && !/%|\\|\.\./.test(text)

const bitsOf = (text: string): number => Number(text.split('/')[1] ?? (isIP(text) === 4 ? 32 : 128))

/** Whether a network lies wholly inside another; one address counts as a network of one. */
export function isInside(inner: string, outer: string): boolean {
  const [a = '', b = ''] = [inner.split('/')[0], outer.split('/')[0]]
  return (
    isIP(a) === isIP(b) && bitsOf(inner) >= bitsOf(outer) && listOf([outer]).check(a, isIP(a) === 6 ? 'ipv6' : 'ipv4')
  )
}

const NOWHERE: readonly string[] = ['0.0.0.0/0', '::/0']

/** The networks that are within both. CIDR networks are nested or apart, so the common part of two is the inner one. */
export function inBoth(a: Networks, b: Networks): Networks {
  const except = [...new Set([...a.except, ...b.except])]
  if (a.allow.length === 0 || b.allow.length === 0) return { allow: a.allow.length === 0 ? b.allow : a.allow, except }
  const common = a.allow.flatMap((one) =>
    b.allow.flatMap((other) => (isInside(one, other) ? [one] : isInside(other, one) ? [other] : [])),
  )
  // An empty `allow` would mean everywhere.
  return common.length === 0 ? { allow: [], except: NOWHERE } : { allow: [...new Set(common)], except }
}
