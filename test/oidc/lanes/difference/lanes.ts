/** The lanes that are played, by name. */

export const LANES = ['client credentials', 'refresh', 'introspection', 'userinfo', 'keys and discovery'] as const
export type LaneName = (typeof LANES)[number]
