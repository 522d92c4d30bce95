import t from 'tap'
import { epochDate, epochTime, parseDate, parseTime } from '../../../src/connectors/parse-time.ts'

const at = Date.UTC(2001, 0, 13, 9, 30) * 1000
const day = at - 9.5 * 3600e6

t.test('ISO 8601 is read with or without a zone, and without one it is UTC', async (t) => {
  for (const text of [
    '2001-01-13T09:30:00Z',
    '2001-01-13T09:30Z',
    '2001-01-13t09:30:00z',
    '2001-01-13T09:30:00',
    '2001-01-13 09:30:00',
    '2001-01-13 09:30',
    '2001-01-13 09:30:00+00',
    '2001-01-13 09:30:00-00',
    '2001-01-13 09:30:00 UTC',
    '2001-01-13 09:30:00 GMT',
    '2001-01-13T11:30:00+02:00',
    '2001-01-13T11:30:00+0200',
    '2001-01-13 11:30:00 +02',
    '2001-01-13T00:00:00-09:30',
    '2001-01-12T23:30:00-10:00',
    '  2001-01-13T09:30:00Z ',
  ]) {
    t.equal(parseTime(text), at, text)
  }
})

t.test('fractions of a second are kept to the microsecond, further digits are cut off', async (t) => {
  t.equal(parseTime('2001-01-13T09:30:00.5Z'), at + 500_000)
  t.equal(parseTime('2001-01-13T09:30:00.123456Z'), at + 123_456)
  t.equal(parseTime('2001-01-13T09:30:00.000001'), at + 1)
  t.equal(parseTime('2001-01-13T09:30:00.123456999+00:00'), at + 123_456)
  t.equal(parseTime('1969-12-31T23:59:59.25Z'), -750_000)
})

t.test('every day from 1684 to 2254 agrees with Date', async (t) => {
  const wrong: string[] = []
  for (let days = -104_000; days < 104_000; days++) {
    const text = new Date(days * 86_400_000).toISOString()
    if (parseDate(text.slice(0, 10)) !== days || parseTime(text) !== days * 86_400_000_000) wrong.push(text)
  }
  t.same(wrong, [])
})

t.test('a day alone is midnight UTC, in each of the forms that can be read one way only', async (t) => {
  const forms = ['2001-01-13', '2001/01/13', '20010113', '2001.013', '2001-Jan-13', 'Jan-13-2001', '13-jan-2001']
  for (const text of [...forms, 'Jan 13, 2001', 'January 13, 2001']) {
    t.equal(parseTime(text), day, text)
    t.equal(parseDate(text), day / 86_400e6, text)
  }
})

t.test('RFC 2822 is read', async (t) => {
  t.equal(parseTime('Sat, 13 Jan 2001 11:30:00 +0200'), at)
  t.equal(parseTime('13 Jan 2001 09:30 GMT'), at)
})

t.test('whole numbers are read in seconds, milliseconds, microseconds or nanoseconds', async (t) => {
  for (const digits of ['979378200', '979378200000', '979378200000000', '979378200000000000']) {
    t.equal(parseTime(digits), at, digits)
    t.equal(epochTime(Number(digits)), at, `${digits} as a number`)
  }
  t.equal(parseTime('979378200123456789'), at + 123_456, 'text keeps nanoseconds apart')
  t.equal(parseTime('0'), 0)
  t.equal(parseTime('-86400'), -86_400e6)
  t.equal(epochTime(5_000_000_000), 5e15, 'the latest second')
  t.equal(epochTime(5_000_000_001), 5_000_000_001_000, 'then milliseconds')
})

t.test('a date is read from whole days, seconds, milliseconds or microseconds', async (t) => {
  t.equal(epochDate(11_335), 11_335)
  t.equal(epochDate(979378200), 11_335)
  t.equal(epochDate(979378200000), 11_335)
  t.equal(parseDate('11335'), 11_335)
  t.equal(parseDate('-1'), -1)
})

t.test('what is ambiguous, no such time, or rounded is refused with the reason', async (t) => {
  t.match(parseTime('01/02/2001'), /day and month cannot be told apart/)
  t.match(parseTime('13/01/2001 10:00'), /day and month cannot be told apart/)
  t.match(parseTime('979378200.5'), /a time as a float is refused/)
  t.match(epochTime(979378200.5), /a time as a float is refused/)
  t.match(epochTime(Number.NaN), /a time as a float is refused/)
  t.match(epochDate(0.5), /a date as a float is refused/)
  t.match(parseDate('2001-01-13T09:30:00Z'), /it has a time of day/)
  t.match(parseTime('2300-01-01'), /outside the years 1684 to 2255/)
  t.match(parseTime('99999999999999999999'), /outside the years/)
  const none = ['2001-02-29', '1900-02-29', '2001-04-31', '2001-00-10', '2001-13-01', '2001-01-13T24:00:00Z']
  const cut = ['2001-01-13T09:60:00Z', '2001-01-13T09:30:60Z', '2001-01-13T09:30:00.Z', '2001-01-13T09:30:00+24:00']
  for (const text of [...none, ...cut, '2001-01-13 09:30:00 Europe/Berlin', '2001-01-13T9:30:00Z', '2001-01-13T']) {
    t.match(parseTime(text), /there is no such day, time or zone/, text)
  }
  for (const text of ['', 'abc', '2001-1-13x', 'Foo 13, 2001', '20010013x', '31 Feb 2001 10:00 GMT']) {
    t.match(parseTime(text), /write ISO 8601/, text)
  }
})
