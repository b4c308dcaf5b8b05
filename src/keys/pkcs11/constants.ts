/**
 * The numbers of PKCS#11 that are used here (OASIS PKCS #11 2.40; EdDSA of 3.0, which pkcs11js does not name), so that
 * nothing but the child process needs that package, and only at run time.
 */

export const CKO = { publicKey: 2, privateKey: 3, secretKey: 4 } as const
export const CKK = { rsa: 0x00, ec: 0x03, aes: 0x1f, ecEdwards: 0x40 } as const

export const CKA = {
  class: 0x00,
  token: 0x01,
  private: 0x02,
  label: 0x03,
  keyType: 0x100,
  id: 0x102,
  sensitive: 0x103,
  encrypt: 0x104,
  decrypt: 0x105,
  sign: 0x108,
  verify: 0x10a,
  modulus: 0x120,
  modulusBits: 0x121,
  publicExponent: 0x122,
  valueLength: 0x161,
  extractable: 0x162,
  ecParams: 0x180,
  ecPoint: 0x181,
} as const

export const CKM = {
  rsaKeyPairGen: 0x0000,
  sha256RsaPkcs: 0x0040,
  sha256RsaPkcsPss: 0x0043,
  sha256: 0x0250,
  ecKeyPairGen: 0x1040,
  ecdsa: 0x1041,
  ecEdwardsKeyPairGen: 0x1055,
  eddsa: 0x1057,
  aesKeyGen: 0x1080,
  aesGcm: 0x1087,
} as const

/** MGF1 over SHA-256 (CKG_MGF1_SHA256). */
export const MGF1_SHA256 = 2
/** pkcs11js's own tags for mechanism parameters. */
export const PARAMETERS = { aesGcm: 3, rsaPss: 5 } as const
export const CKU_USER = 1
export const CKF = { serialSession: 4, rwSession: 2, osLocking: 2 } as const
/** A session's state that may sign (CKS_RW_USER_FUNCTIONS). */
export const CKS_RW_USER = 3

export const CKR = {
  slotIdInvalid: 0x03,
  generalError: 0x05,
  functionFailed: 0x06,
  deviceError: 0x30,
  deviceMemory: 0x31,
  deviceRemoved: 0x32,
  keyHandleInvalid: 0x60,
  objectHandleInvalid: 0x82,
  operationActive: 0x90,
  operationNotInitialized: 0x91,
  pinIncorrect: 0xa0,
  pinInvalid: 0xa1,
  pinLengthRange: 0xa2,
  pinExpired: 0xa3,
  pinLocked: 0xa4,
  sessionClosed: 0xb0,
  sessionHandleInvalid: 0xb3,
  tokenNotPresent: 0xe0,
  tokenNotRecognized: 0xe1,
  userAlreadyLoggedIn: 0x100,
  userNotLoggedIn: 0x101,
  cryptokiNotInitialized: 0x190,
  cryptokiAlreadyInitialized: 0x191,
} as const

/** The token, its sessions or its handles are not what they were: whoever sees one of these connects anew. */
export const GONE: ReadonlySet<number> = new Set([
  CKR.slotIdInvalid,
  CKR.generalError,
  CKR.functionFailed,
  CKR.deviceError,
  CKR.deviceMemory,
  CKR.deviceRemoved,
  CKR.keyHandleInvalid,
  CKR.objectHandleInvalid,
  CKR.operationActive,
  CKR.operationNotInitialized,
  CKR.sessionClosed,
  CKR.sessionHandleInvalid,
  CKR.tokenNotPresent,
  CKR.tokenNotRecognized,
  CKR.userNotLoggedIn,
  CKR.cryptokiNotInitialized,
])

/** The PIN is refused: trying again locks the token. */
export const PIN_REFUSED: ReadonlySet<number> = new Set([
  CKR.pinIncorrect,
  CKR.pinInvalid,
  CKR.pinLengthRange,
  CKR.pinExpired,
  CKR.pinLocked,
])
