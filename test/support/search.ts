/** Searches bytes for secrets: files of a folder, and every document of a MongoDB database. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import mongoose from 'mongoose'

/** A secret that was found, and where. The secret itself is not repeated: its kind and length must do. */
export interface Found {
  readonly where: string
  readonly secret: string
}

/** The forms in which a text may lie around. */
function forms(secret: string): readonly Buffer[] {
  const bytes = Buffer.from(secret)
  return [
    bytes,
    Buffer.from(bytes.toString('base64').replace(/=+$/, '')),
    Buffer.from(bytes.toString('hex')),
    Buffer.from(secret, 'utf16le'),
  ]
}

const KEY_LENGTH = 8

/**
 * Looks for many secrets at once, in one pass over the bytes: a bitmap of the first three bytes of every form says where to look
 * closer. One `includes` for each secret would take minutes on what the suite leaves behind.
 */
export function searchFor(secrets: readonly string[]): (bytes: Buffer, where: string) => readonly Found[] {
  const bitmap = new Uint8Array(2 ** 24 / 8)
  const byKey = new Map<string, { readonly form: Buffer; readonly secret: string }[]>()
  for (const secret of secrets) {
    for (const form of forms(secret)) {
      const start = form.readUIntBE(0, 3)
      bitmap[start >> 3] = (bitmap[start >> 3] ?? 0) | (1 << (start & 7))
      const key = form.toString('latin1', 0, KEY_LENGTH)
      byKey.set(key, [...(byKey.get(key) ?? []), { form, secret }])
    }
  }
  return (bytes, where) => {
    const found = new Set<string>()
    let window = 0
    for (let i = 0; i < bytes.length; i++) {
      window = ((window << 8) | (bytes[i] ?? 0)) & 0xffffff
      if (((bitmap[window >> 3] ?? 0) & (1 << (window & 7))) === 0 || i < 2) continue
      const at = i - 2
      for (const { form, secret } of byKey.get(bytes.toString('latin1', at, at + KEY_LENGTH)) ?? []) {
        if (bytes.compare(form, 0, form.length, at, Math.min(bytes.length, at + form.length)) === 0) found.add(secret)
      }
    }
    return [...found].map((secret) => ({ where, secret: `${secret.slice(0, 6)}... (${secret.length})` }))
  }
}

/** Every file under a folder, with its bytes. */
export function filesUnder(
  folder: string,
  accept: (name: string) => boolean,
): readonly (readonly [name: string, bytes: Buffer])[] {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && accept(entry.name),
  )
  return names.map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name))] as const)
}

/** Every document of every collection of a database, as BSON. */
export async function dumpOf(uri: string): Promise<readonly (readonly [name: string, bytes: Buffer])[]> {
  const connection = await mongoose.createConnection(uri).asPromise()
  try {
    const collections = await connection.listCollections()
    return await Promise.all(
      collections.map(async ({ name }) => {
        const docs = await connection.collection(name).find({}).toArray()
        return [name, Buffer.concat(docs.map((doc) => Buffer.from(mongoose.mongo.BSON.serialize(doc))))] as const
      }),
    )
  } finally {
    await connection.close()
  }
}
