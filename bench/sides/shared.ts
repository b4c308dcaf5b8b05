/** What both sides of the bench and its load agree on. Nothing here is a secret: it lives for one run on loopback. */

export const CLIENT = 'bench'
export const SECRET = 'bench-client-secret-of-one-run'
export const PERSON = 'bench.person'
export const PASSWORD = 'nine quiet lanterns walking'
export const REDIRECT = 'https://app.example/callback'
export const API = 'urn:bench:api'
export const SCOPE = 'openid offline_access read'
