/**
 * Rotation: pure rules about when a credential is replaced and what an old one still is.
 * Facts in, verdict out. It refuses to know stores, requests and the library.
 */

export { decideRefresh, type FamilyFacts, type RefreshDecision, type Standing, standing } from './rules.ts'
