/** Networks of a token: pure matching. */

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

/** Bits of the prefix among 128: matching takes a v4 address for the v6 one that it is mapped to, so `::/0` has all of v4 in it. */
function bitsOf(text: string): number {
  const [address = '', bits] = text.split('/')
  return isIP(address) === 4 ? 96 + Number(bits ?? 32) : Number(bits ?? 128)
}

/** Whether a network lies wholly inside another; one address counts as a network of one. */
export function isInside(inner: string, outer: string): boolean {
  const [address = ''] = inner.split('/')
  return bitsOf(inner) >= bitsOf(outer) && listOf([outer]).check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/**
 * Whether whatever `child` admits, `parent` admits. Each allowed network of the child must lie in one of the parent's, and what the parent
 * excepts of it in one that the child excepts: several that only together cover one are not found, and refused.
 */
export function isNoWider(child: Networks, parent: Networks): boolean {
  if (parent.allow.length === 0 && parent.except.length === 0) return true
  // Without any restriction it admits an address that is not known, too.
  if (child.allow.length === 0 && child.except.length === 0) return false
  const isIn = (one: string, list: readonly string[]): boolean => list.some((other) => isInside(one, other))
  const spans = child.allow.length === 0 ? ['::/0'] : child.allow
  const isExcepted = (span: string, gap: string): boolean => {
    const common = isInside(span, gap) ? span : isInside(gap, span) ? gap : undefined
    return common === undefined || isIn(common, child.except)
  }
  return (
    (parent.allow.length === 0 || spans.every((span) => isIn(span, parent.allow))) &&
    parent.except.every((gap) => spans.every((span) => isExcepted(span, gap)))
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
