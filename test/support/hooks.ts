/** What belongs to the whole run: the MongoDB server ends with it. */

import { stopMongo } from './mongo.ts'

/** Mocha's root hooks. */
export const mochaHooks = { afterAll: stopMongo }
