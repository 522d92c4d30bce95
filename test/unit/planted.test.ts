/** Bugs are planted in built files by their text: a change of the code must not leave one that cannot be planted. */
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { planted as inChaos } from '../chaos/planted/bugs.ts'
import { planted as inOracle } from '../oracle/planted.ts'
import { planted as inSimulation } from '../simulation/planted.ts'

const dist = path.resolve(import.meta.dirname, '../../dist')

t.test('each bug has its place in what is built, once', (t) => {
  const withMore = [...inOracle, ...inSimulation].flatMap((bug) => [bug, ...(bug.more ?? [])])
  const changes = [...withMore, ...inChaos.flatMap((bug) => bug.changes)]
  for (const { file, from } of changes)
    t.equal(fs.readFileSync(path.join(dist, file), 'utf8').split(from).length, 2, `${file} has it once: ${from}`)
  t.end()
})
