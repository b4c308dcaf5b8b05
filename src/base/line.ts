/** Lines of text that people read: what can't hide or turn around what stands beside it. */

/**
 * No control characters and no line ends; none of the marks that turn the reading direction (Unicode's Bidi_Control), with which a
 * name shows as another. Joiners stay: Persian and emoji need them.
 */
export const LINE = /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]*$/u

/** Something that can be seen: a letter, a digit, a mark or a sign. */
export const SEEN = /[\p{L}\p{N}\p{P}\p{S}]/u
