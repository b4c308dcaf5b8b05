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

/** Looks for each secret in some bytes. */
export function findIn(bytes: Buffer, where: string, secrets: readonly string[]): readonly Found[] {
  return secrets
    .filter((secret) => forms(secret).some((form) => bytes.includes(form)))
    .map((secret) => ({ where, secret: `${secret.slice(0, 6)}... (${secret.length})` }))
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
