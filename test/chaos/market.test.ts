/** Thousands of keys, looked up in blocks: what comes out is what brute force says, and stays so when the host is killed. */
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { allQuotes, allTrades, NEAR } from './jobs/market.ts'
import { runJob } from './support.ts'

type Quote = ReturnType<typeof allQuotes>[number]

const byKey = new Map<string, Quote[]>()
for (const quote of allQuotes()) byKey.set(quote.key, [...(byKey.get(quote.key) ?? []), quote])
for (const quotes of byKey.values()) quotes.sort((a, b) => a.quoted - b.quoted)

const latest = () => [...byKey].map(([key, quotes]) => `${key},${quotes.at(-1)!.price}`)
const priced = () =>
  allTrades().map(({ id, key, at }) => `${id},${byKey.get(key)?.findLast(({ quoted }) => quoted <= at)?.price ?? ''}`)
const near = () =>
  allTrades().flatMap(({ id, key, at }) => {
    const isNear = ({ quoted }: Quote) => quoted >= at - NEAR.older && quoted <= at + NEAR.newer
    const found = (byKey.get(key) ?? []).filter(isNear)
    return found.length === 0 ? [`${id},`] : found.map(({ price }) => `${id},${price}`)
  })

const linesOf = (out: string, file: string) =>
  fs.readFileSync(path.join(out, file), 'utf8').trim().split('\n').slice(1).sort()

t.test('unharmed, it is what brute force says; and the same when the host is killed', async (t) => {
  const directory = t.testdir()
  const unharmed = await runJob('market', path.join(directory, 'unharmed'))
  const out = path.join(directory, 'unharmed/out')
  for (const [file, wanted] of Object.entries({ latest: latest(), priced: priced(), near: near() })) {
    const lines = linesOf(out, `${file}.csv`)
    wanted.sort()
    t.equal(lines.length, wanted.length, file)
    t.equal(
      lines.findIndex((line, i) => line !== wanted[i]),
      -1,
      file,
    )
  }
  const harmed = await runJob('market', path.join(directory, 'harmed'), { killAt: [0.2, 0.5, 0.8] })
  t.ok(harmed.deaths > 0, 'the kills took effect')
  t.same(harmed.result, unharmed.result)
})
