/** From bytes to values: parsed once, at the edge, by the route's schema. Whatever is odd is a 400 that says where. */

import { z } from 'zod'
import { nearest } from '../base/index.ts'
import { type Fault, Invalid, refuse } from './problems.ts'

const FAULTS_MAX = 10
const DEPTH_MAX = 8
/** Own properties that would change what an object is, had somebody merged it. */
const ODD_KEYS = ['__proto__', 'constructor', 'prototype']

function fault(where: Fault['in'], path: readonly PropertyKey[], says: string): Fault {
  const names = path.map((part) => String(part).slice(0, 64))
  return { in: where, at: where === 'body' ? names.map((name) => `/${name}`).join('') : names.join('.'), says }
}

/** What no schema can see: keys that are no names, NUL, depth. */
function refuseOdd(where: Fault['in'], value: unknown, path: readonly PropertyKey[] = []): void {
  if (path.length > DEPTH_MAX) throw new Invalid([fault(where, path.slice(0, 2), 'is nested too deep')])
  if (typeof value === 'string' && value.includes('\0')) throw new Invalid([fault(where, path, 'must not contain NUL')])
  if (typeof value !== 'object' || value === null) return
  for (const [key, inner] of Object.entries(value)) {
    if (ODD_KEYS.includes(key) || key.includes('\0'))
      throw new Invalid([fault(where, path, 'has a key that is no name')])
    refuseOdd(where, inner, [...path, key])
  }
}

function unwrapped(schema: unknown): unknown {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault
    ? unwrapped(schema.unwrap())
    : schema
}

/** Names that an object of the schema may have at a path. */
function namesAt(schema: unknown, path: readonly PropertyKey[]): readonly string[] {
  let here = unwrapped(schema)
  for (const part of path)
    here = unwrapped(
      here instanceof z.ZodObject ? here.shape[String(part)] : here instanceof z.ZodArray ? here.element : 0,
    )
  return here instanceof z.ZodObject ? Object.keys(here.shape) : []
}

function faultsOf(where: Fault['in'], schema: z.ZodType, error: z.ZodError): readonly Fault[] {
  return error.issues.slice(0, FAULTS_MAX).flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') return [fault(where, issue.path, issue.message)]
    return issue.keys.slice(0, FAULTS_MAX).map((key) => {
      const near = nearest(key, namesAt(schema, issue.path))
      return fault(where, [...issue.path, key], `is not known${near === undefined ? '' : `; did you mean ${near}?`}`)
    })
  })
}

/** Parses a value. Throws `Invalid`. */
export function parsed<T>(where: Fault['in'], schema: z.ZodType<T>, value: unknown): T {
  refuseOdd(where, value)
  const result = schema.safeParse(value)
  if (!result.success) throw new Invalid(faultsOf(where, schema, result.error))
  return result.data
}

/** A JSON object from a request's body; none is an empty one. */
export function jsonBody(body: Buffer, type: string): unknown {
  if (body.length === 0) return {}
  if (!/^application\/json(\s*;.*)?$/i.test(type)) throw refuse('media_type')
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch (cause) {
    throw refuse('not_json', {}, cause)
  }
  throw refuse('not_json')
}

/** The parameters of a query. Throws `Invalid` for one that is there twice. */
export function queryOf(search: string): Readonly<Record<string, string>> {
  const params = new URLSearchParams(search)
  const twice = [...new Set(params.keys())].filter((name) => params.getAll(name).length > 1)
  if (twice.length > 0)
    throw new Invalid(twice.slice(0, FAULTS_MAX).map((name) => fault('query', [name], 'is given more than once')))
  return Object.fromEntries(params)
}
