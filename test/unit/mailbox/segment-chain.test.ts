/** Where a log ends when its files are torn or damaged: a torn tail is dropped, damage is told. */
import { rmSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { RECORD_START, SEGMENT_HEADER } from '../../../src/mailbox/segment.ts'
import { markersOf } from '../../conformance/mailbox/records.ts'
import { ended, flipped, placesOf, replaced, SENDER, small, TestLog, textOfSmall, textsOfSmall } from './support.ts'

const corrupt = { kind: 'corruption', code: 'log' }

t.test('a last record that is torn at any byte is dropped, and the log goes on', async (t) => {
  const { log, segments, first } = await ended(t, 3)
  const whole = segments.get(first)!
  const [, , start, end] = placesOf(whole) as [number, number, number, number]
  for (let cut = start; cut <= end; cut++) {
    // A file of zeros that was written up to the cut, or one that ends there.
    const torn = cut % 2 ? whole.subarray(0, cut) : replaced(whole, cut, new Uint8Array(whole.length - cut))
    log.restore(segments, new Map([[first, torn]]))
    const again = new TestLog(log.directory)
    const writer = await again.claim()
    // The last bytes may be zeros anyway.
    const isWhole = Buffer.compare(torn.subarray(start, end), whole.subarray(start, end)) === 0
    if (writer.end !== (isWhole ? 3 : 2)) t.fail(`cut at byte ${cut - start} the log ends at ${writer.end}`)
    await again.write(writer, [small(writer.end + 1, 'b')])
    const wanted = [...textsOfSmall(writer.end), textOfSmall(writer.end + 1, 'b')]
    if ((await again.read()).join() !== wanted.join())
      t.fail(`cut at byte ${cut - start} another log is read`, { wanted })
    again.held.close()
  }
  t.ok(end - start > 100, `${end - start} bytes`)
})

t.test('a flipped byte in a record is never read, nor a shorter history claimed where more is known', async (t) => {
  const { log, segments, first } = await ended(t, 3)
  const whole = segments.get(first)!
  const places = placesOf(whole)
  const isCorruption = (error: unknown) => (error as { kind?: string }).kind === 'corruption'
  for (const epoch of [2, 3]) {
    for (let at = places[epoch - 1]!; at < places[epoch]!; at++) {
      log.restore(segments, new Map([[first, flipped(whole, at)]]))
      const where = `byte ${at - places[epoch - 1]!} of record ${epoch}`
      const again = new TestLog(log.directory)
      again.announce(3)
      const read = await again.read(epoch - 1).catch((error) => error)
      if (!isCorruption(read)) t.fail(`${where} was read as ${read}`)
      const known = await again.log.claim(SENDER, { epoch: 3, incarnation: 0 }).catch((error) => error)
      if (!isCorruption(known)) t.fail(`${where}: claimed at ${known.end} although 3 is known`)
      // Later records prove earlier ones; nothing proves the last.
      const unknown = await again.log.claim(SENDER, { epoch: 0, incarnation: 0 }).catch((error) => error)
      if (epoch < 3 ? !isCorruption(unknown) : unknown.end !== 2) t.fail(`${where}: claimed at ${unknown.end}`)
      again.held.close()
    }
  }
  t.ok(places.at(-1)! > 300)
})

t.test('damage in the middle of the log is told, and nothing of it is removed', async (t) => {
  const { log, segments } = await ended(t, 60)
  const used = [...segments].filter(([, bytes]) => bytes.includes(RECORD_START))
  t.ok(used.length > 3)
  for (const [path, bytes] of used) {
    const isLast = path === used.at(-1)![0]
    const [place, ...further] = placesOf(bytes)
    const damages = [flipped(bytes, place! + 16), flipped(bytes, SEGMENT_HEADER - 40), Buffer.alloc(bytes.length)]
    // The first segment without a header, or gone, is a log that was trimmed; of zeros in the last, nothing is left.
    if (path === used[0]![0]) damages.splice(1)
    if (isLast) damages.splice(2)
    if (!isLast) damages.push(flipped(bytes, further.at(-2)! + 60))
    for (const [d, damaged] of damages.entries()) {
      log.restore(segments, new Map([[path, damaged]]))
      const before = log.segments()
      const claim = new TestLog(log.directory).log.claim(SENDER, { epoch: 0, incarnation: 0 })
      await t.rejects(claim, corrupt, `damage ${d} of ${path.slice(-12)}`)
      t.ok(isDeepStrictEqual(log.segments(), before), 'the files are as they were')
    }
  }
  log.restore(segments)
  rmSync(used[1]![0])
  const claim = new TestLog(log.directory).log.claim(SENDER, { epoch: 0, incarnation: 0 })
  await t.rejects(claim, {
    ...corrupt,
    message: /the file with epochs \d+ to \d+ is missing: it stood behind .*, which is whole: .*--fresh/,
  })
})

t.test('damage that a newer life has built upon is told', async (t) => {
  const { log, first } = await ended(t, 3)
  const next = new TestLog(log.directory)
  await next.write(await next.claim(), [small(4, 'b')])
  const segments = next.segments()
  const bytes = segments.get(first)!
  next.restore(segments, new Map([[first, flipped(bytes, placesOf(bytes)[2]! + 20)]]))
  await t.rejects(new TestLog(log.directory).claim(), corrupt)
})

t.test('a hole before whole records that were in flight with it is a torn tail', async (t) => {
  const { log, first } = await ended(t, 3)
  log.held.close()
  const next = new TestLog(log.directory)
  const writer = await next.claim()
  await next.write(writer, [small(4, 'b')])
  await next.writeAtOnce(writer, [small(5, 'b'), small(6, 'b'), small(7, 'b')])
  const second = [...next.segments().keys()].find((path) => path !== first)!
  const segments = next.segments()
  const bytes = segments.get(second)!
  const [, five, six] = placesOf(bytes) as [number, number, number]
  // A reader that has the segment open stays up.
  const reader = next.log.reader(SENDER, [1, 2], 0, 3)
  t.equal((await reader.next())!.epoch, 4)
  for (const at of [five + 8, six - 8]) {
    next.restore(segments, new Map([[second, flipped(bytes, at)]]))
    const third = new TestLog(log.directory)
    const writer = await third.claim()
    t.equal(writer.end, 4)
    await third.write(writer, [small(5, 'c'), small(6, 'c')])
    t.same(await third.read(3), [textOfSmall(4, 'b'), textOfSmall(5, 'c'), textOfSmall(6, 'c')])
    t.same(await markersOf(third.log, SENDER, 4, 6), ['4: b 4', '5: c 5', '6: c 6'])
    third.held.close()
  }
  t.match(await reader.next(), { epoch: 5 })
  t.equal((await markersOf(next.log, SENDER, 5, 5)).join(), '5: c 5')
})

t.test('a log of another layout is not touched', async (t) => {
  const { log, segments, first } = await ended(t, 1)
  const header = segments.get(first)!.subarray(0, SEGMENT_HEADER)
  const other = replaced(header, 8, Uint8Array.of(99))
  const { checksum } = await import('../../../src/base/hash.ts')
  other.writeUInt32LE(checksum(other.subarray(8, 40)), 4)
  log.restore(segments, new Map([[first, replaced(segments.get(first)!, 0, other)]]))
  const before = log.segments()
  await t.rejects(new TestLog(log.directory).claim(), { ...corrupt, message: /log layout 99 is not/ })
  t.ok(isDeepStrictEqual(log.segments(), before), 'the files are as they were')
})
