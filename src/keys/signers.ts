/** The signers' interface as this room speaks of it. It stands in `config`, since a configuration may carry signers of its own. */

export {
  ALGORITHMS,
  type Algorithm,
  type KeptKey,
  type MadeKey,
  type Sign,
  type Signers,
  SignerUnavailable,
} from '../config/index.ts'
