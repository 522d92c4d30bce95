/** One life: what a record is, when it appears, and to whom. */
import { corrupt, type PutCase, readAll, records, SENDER, texts } from './case.ts'
import { begin, settle, write } from './driver.ts'
import { EDGES, markersOf, markerText, PARTITIONS, recordOf, textOf, textOfRead } from './records.ts'

export function putReadingCases(test: PutCase): void {
  test('a record appears as a whole when its append resolves, and not before', async (t, driver) => {
    const writer = await begin(driver, SENDER)
    t.match(writer, { end: 0 })
    const reader = driver.log.reader(SENDER, EDGES, 1, 0)
    t.equal(await reader.next(), null)
    let isDurable = false
    const append = writer.append(recordOf(1, 'a')).then((bytes) => {
      isDurable = true
      return bytes
    })
    while (!isDurable) {
      if (driver.announced(SENDER) === 0) t.equal(await reader.next(), null, 'nothing is seen of it')
      await driver.step()
    }
    t.ok((await append) > 0, 'it says how many bytes it takes')
    t.equal(driver.announced(SENDER), 1)
    t.equal(textOfRead(await reader.next()), textOf(1, 'a', 1))
    t.equal(reader.position, 1)
    t.equal(await reader.next(), null)
    await writer.close()
  })

  test('a record whose frames are larger than is asked for is left where it is', async (t, driver) => {
    const writer = await begin(driver, SENDER)
    await write(driver, writer, records(1, 2))
    const reader = driver.log.reader(SENDER, EDGES, 0, 0)
    t.equal(await reader.next(0, 1), null)
    t.equal(reader.position, 0)
    const first = (await reader.next(0, 1 << 20))!
    const bytes = first.frames.reduce((sum, frame) => sum + frame.bytes.length, 0)
    t.equal(await reader.next(0, bytes - 1), null)
    t.equal(textOfRead(await reader.next(0, bytes)), texts(1, 2)[1], 'one that is as large is not')
    await writer.close()
  })

  test('appends in flight resolve, and are announced, in order of epochs', async (t, driver) => {
    const writer = await begin(driver, SENDER)
    const resolved: number[] = []
    const appends = records(1, 30).map(async (record) => {
      await writer.append(record)
      t.ok(driver.announced(SENDER) >= record.epoch)
      resolved.push(record.epoch)
    })
    const reader = driver.log.reader(SENDER, EDGES, 0, 0)
    const read: string[] = []
    while (read.length < 30) {
      await driver.step()
      const before = driver.announced(SENDER)
      for (let record = await reader.next(); record !== null; record = await reader.next()) {
        read.push(textOfRead(record)!)
      }
      t.equal(reader.position, before, 'what is announced is read, no more')
    }
    await settle(driver, appends)
    t.same(
      resolved,
      [...resolved.keys()].map((i) => i + 1),
    )
    t.same(read, texts(1, 30))
  })

  test('the next record is that of the next epoch', async (t, driver) => {
    const writer = await begin(driver, SENDER)
    await t.rejects(writer.append(recordOf(2, 'a')), { kind: 'invariant', code: 'MB-1' })
    await write(driver, writer, records(1, 2))
    await t.rejects(writer.append(recordOf(2, 'a')), { kind: 'invariant', code: 'MB-1' })
    await write(driver, writer, records(3, 3))
  })

  test('a receiver gets the frames of its partition, and the watermarks of its edges', async (t, driver) => {
    const writer = await begin(driver, SENDER)
    const [whole, other] = [recordOf(1, 'a'), recordOf(2, 'a')]
    const part = { ...other, frames: other.frames.filter(({ edge, partition }) => edge === 2 && partition === 1) }
    await write(driver, writer, [whole, part, { ...recordOf(3, 'a'), frames: [], watermarks: [] }])
    for (let partition = 0; partition < PARTITIONS; partition++) {
      for (const edges of [[1], [2], EDGES, []]) {
        const [first, second, third] = await readAll(driver, 0, partition, edges)
        t.equal(first, textOf(1, 'a', partition, edges))
        const isThere = partition === 1 && edges.includes(2)
        const rows = isThere ? textOf(2, 'a', 1, [2]).split(', ').slice(2) : []
        t.equal(second, ['2 in layout 2', ...edges.map((edge) => `${edge}@${20 + edge}`), ...rows].join(', '))
        t.equal(third, '3 in layout 0')
      }
    }
  })

  test('a watermark may be infinite, and a marker empty', async (t, driver) => {
    const writer = await begin(driver, SENDER)
    const watermarks = [
      { edge: 1, watermark: Number.POSITIVE_INFINITY },
      { edge: 2, watermark: Number.NEGATIVE_INFINITY },
    ]
    await write(driver, writer, [
      { epoch: 1, layout: 0, isRetired: false, frames: [], watermarks, marker: new Uint8Array(0) },
    ])
    const record = await driver.log.reader(SENDER, EDGES, 0, 0).next()
    t.same(record!.watermarks, watermarks)
    t.same(await markersOf(driver.log, SENDER, 1, 1), ['1: '])
  })

  test('reading goes on behind any position', async (t, driver) => {
    await write(driver, await begin(driver, SENDER), records(1, 12))
    for (let after = 0; after <= 12; after++) t.same(await readAll(driver, after), texts(after + 1, 12))
  })

  test('readers do not share their bytes', async (t, driver) => {
    await write(driver, await begin(driver, SENDER), records(1, 1))
    const [one, other] = [driver.log.reader(SENDER, EDGES, 0, 0), driver.log.reader(SENDER, EDGES, 0, 0)]
    for (const { bytes } of (await one.next())!.frames) bytes.fill(0)
    t.equal(textOfRead(await other.next()), textOf(1, 'a', 0))
  })

  test('markers are those of the epochs asked for, both ends included', async (t, driver) => {
    await write(driver, await begin(driver, SENDER), records(1, 5))
    const wanted = (from: number, to: number) => records(from, to).map(({ epoch }) => markerText(epoch, 'a'))
    t.same(await markersOf(driver.log, SENDER, 1, 5), wanted(1, 5))
    t.same(await markersOf(driver.log, SENDER, 2, 4), wanted(2, 4))
    t.same(await markersOf(driver.log, SENDER, 5, 5), wanted(5, 5))
    t.same(await markersOf(driver.log, SENDER, 6, 5), [])
    await t.rejects(markersOf(driver.log, SENDER, 5, 6), corrupt)
  })

  test('senders have logs of their own', async (t, driver) => {
    const writers = [await begin(driver, SENDER), await begin(driver, 'stage/1')]
    await write(driver, writers[0]!, records(1, 3))
    await write(driver, writers[1]!, records(1, 1, 'b'))
    t.same(await readAll(driver), texts(1, 3))
    const reader = driver.log.reader('stage/1', EDGES, 0, 0)
    t.equal(textOfRead(await reader.next()), textOf(1, 'b', 0))
    t.equal(await reader.next(), null)
  })
}
