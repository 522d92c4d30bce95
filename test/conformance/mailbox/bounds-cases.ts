/** Where a log begins and ends: what may be read of it, what must be there, and what may go. */
import { corrupt, type PutCase, readAll, records, SENDER, texts, written } from './case.ts'
import { begin, write } from './driver.ts'
import { EDGES, markersOf, markerText, textOf, textOfRead } from './records.ts'

export function putBoundsCases(test: PutCase): void {
  test('before its sender has announced, a receiver reads what it has read before and no more', async (t, driver) => {
    await written(driver, 5)
    const reader = driver.log.reader(SENDER, EDGES, 0, 0)
    t.equal(await reader.next(), null)
    for (const text of texts(1, 3)) t.equal(textOfRead(await reader.next(3)), text)
    t.equal(await reader.next(3), null)
    await begin(driver, SENDER)
    t.equal(textOfRead(await reader.next()), textOf(4, 'a', 0))
  })

  test('what was announced or read before and is not there is corruption, not something to wait for', async (t, driver) => {
    await written(driver, 3)
    await begin(driver, SENDER)
    const reader = driver.log.reader(SENDER, EDGES, 0, 3)
    t.equal(await reader.next(), null)
    await t.rejects(reader.next(4), corrupt)
    driver.announce(SENDER, 4)
    await t.rejects(reader.next(), corrupt)
    await t.rejects(driver.log.reader('stage/1', EDGES, 0, 0).next(1), corrupt, 'nor is a sender that has no log')
  })

  test('a log that ends before what is known to have been visible is not claimed', async (t, driver) => {
    await written(driver, 3)
    await t.rejects(driver.log.claim(SENDER, { epoch: 4, incarnation: 0 }), corrupt)
    await t.rejects(driver.log.claim('stage/1', { epoch: 1, incarnation: 0 }), corrupt)
    t.equal((await driver.log.claim(SENDER, { epoch: 3, incarnation: 0 })).end, 3)
  })

  test('a log that ends before what a receiver has read is corruption', async (t, driver) => {
    await written(driver, 3)
    const reader = driver.log.reader(SENDER, EDGES, 0, 4)
    t.equal(await reader.next(), null, 'nobody knows yet')
    await begin(driver, SENDER)
    await t.rejects(reader.next(), corrupt)
  })

  test('trimming keeps what it is told to, and the last record; what is gone is corruption to read', async (t, driver) => {
    const writer = await begin(driver, SENDER)
    await write(driver, writer, records(1, 200))
    await driver.log.trim(SENDER, 1)
    t.same(await readAll(driver), texts(1, 200), 'nothing lies below the first')
    t.equal(driver.log.first(SENDER), 0)
    const open = driver.log.reader(SENDER, EDGES, 0, 0)
    await open.next()
    await driver.log.trim(SENDER, 150)
    t.same(await readAll(driver, 149), texts(150, 200))
    t.same(await markersOf(driver.log, SENDER, 150, 150), [markerText(150, 'a')])
    await t.rejects(readAll(driver, 0), corrupt)
    await t.rejects(markersOf(driver.log, SENDER, 1, 1), corrupt)
    await driver.log.trim(SENDER, 10_000)
    t.same(await readAll(driver, 199), texts(200, 200))
    const first = driver.log.first(SENDER)
    t.ok(first > 0 && first < 200)
    t.same(await readAll(driver, first), texts(first + 1, 200))
    t.same(await markersOf(driver.log, SENDER, 200, 200), [markerText(200, 'a')])
    await write(driver, writer, records(201, 201))
    await driver.crash()
    const next = await begin(driver, SENDER)
    t.equal(next.end, 201)
    await write(driver, next, records(202, 202))
    await driver.log.trim(SENDER, 10_000)
    t.same(await readAll(driver, 201), texts(202, 202))
  })

  test('trimming never counts on a record that is still in flight', async (t, driver) => {
    let end = 0
    for (let life = 0; life < 30; life++) {
      const writer = await begin(driver, SENDER)
      t.ok(writer.end >= end, `${writer.end} is not below ${end}`)
      await write(driver, writer, records(writer.end + 1, writer.end + 1))
      for (const record of records(writer.end + 2, writer.end + 20)) writer.append(record).catch(() => {})
      for (let step = life % 5; step >= 0; step--) await driver.step()
      await driver.log.trim(SENDER, 10_000)
      end = driver.announced(SENDER)
      await driver.crash()
    }
  })
}
