/** Two certificates of clients, valid until 2126. Their keys were thrown away: what a proxy hands on is a certificate, and nothing signs with it here. */

import { createHash, X509Certificate } from 'node:crypto'

/** PEM. */
export const CERTIFICATES = [
  `-----BEGIN CERTIFICATE-----
MIIBfTCCASOgAwIBAgIUKM9UkIbwRUdBGgeI3DDd38iWpmQwCgYIKoZIzj0EAwIw
EzERMA8GA1UEAwwIb25lLnRlc3QwIBcNMjYxMTI1MTk0NzA2WhgPMjEyNjExMDEx
OTQ3MDZaMBMxETAPBgNVBAMMCG9uZS50ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAEo3k019jSEYtszIIis6jcbpztts1SVkD0+TKRkEKK1p/1XRjF7Edj+gN2
too0Wfkhe2Hvx+2imRY5mBf7A/j5oaNTMFEwHQYDVR0OBBYEFGUe+lcLRVCyST9D
JT0fcCaJwZ3PMB8GA1UdIwQYMBaAFGUe+lcLRVCyST9DJT0fcCaJwZ3PMA8GA1Ud
EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgRNdw0dyJYJJ3H9ZpqzYTgBdw
pbdH/uQdQt4F6NyKShkCIQCnaPlBByfeGAoEh6ujrSgk3F4AWnFni561ND6mrcvp
yA==
-----END CERTIFICATE-----`,
  `-----BEGIN CERTIFICATE-----
MIIBfjCCASOgAwIBAgIUK0p3/Iz9qGopkUKJQU/aWvy4A18wCgYIKoZIzj0EAwIw
EzERMA8GA1UEAwwIdHdvLnRlc3QwIBcNMjYxMTI1MTk0NzA2WhgPMjEyNjExMDEx
OTQ3MDZaMBMxETAPBgNVBAMMCHR3by50ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAExUQVwsX3+2bY4awYDGlNjyMJ0ytxY+7AEDhOjxweRAlLcpR0AIWwJ62N
lqPJG7cDJ+2P4wjidXqIsD4GKAqjpKNTMFEwHQYDVR0OBBYEFPxtJsPDGNGyNlH7
lwG9NbfoSkVwMB8GA1UdIwQYMBaAFPxtJsPDGNGyNlH7lwG9NbfoSkVwMA8GA1Ud
EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAOhXj4EY1AvdmLVkNfaCQ+0E
zz4xccFeRbhWVDpJUP1pAiEA6DXYp0lhNRLenWzguILQwOROXJibo6bbLrbssLyo
eC0=
-----END CERTIFICATE-----`,
] as const

/** `x5t#S256` of a certificate (RFC 8705, 3.1). */
export const certificateThumbprint = (pem: string): string =>
  createHash('sha256').update(new X509Certificate(pem).raw).digest('base64url')
