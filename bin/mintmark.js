#!/usr/bin/env node
// The command that is installed. Plain JavaScript without imports or newer syntax: an old Node must get as far as the message.
var found = process.versions.node.split('.').map(Number)
if (found[0] < 24 || (found[0] === 24 && found[1] < 7)) {
  console.error(
    'mintmark needs Node 24.7 or newer; this is Node ' +
      process.versions.node +
      '. Install a newer Node and try again.',
  )
  process.exit(1)
}
// dist/ is what the package ships; in the repository, before a build, Node runs the TypeScript itself.
import('../dist/src/cli/main.js').catch((error) => {
  var isUnbuilt = error.code === 'ERR_MODULE_NOT_FOUND' && /dist[/\\]src[/\\]cli[/\\]main\.js$/.test(String(error.url))
  if (isUnbuilt) return import('../src/cli/main.ts')
  throw error
})
