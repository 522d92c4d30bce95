import fc from 'fast-check'
import t from 'tap'
import { decimalText, parseDecimal } from '../../../src/records/decimal.ts'

t.test('units become text and come back', async () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.nat(15), (units, scale) => {
      const text = decimalText(units, scale)
      return parseDecimal(text, scale) === units && (scale === 0 ? !text.includes('.') : /^-?\d+\.\d+$/.test(text))
    }),
  )
})

t.test('texts of several forms, and such as are none', (t) => {
  const read = (text: string) => parseDecimal(text, 2)
  t.strictSame(
    ['12.34', ' 12.3 ', '12', '12.', '.5', '+7', '-0.05', '-0', '1.500000', '007.1'].map(read),
    [1234, 1230, 1200, 1200, 50, 700, -5, 0, 150, 710],
  )
  for (const text of ['', '.', '-', '1e3', '12,3', '0x1', '1.2.3', 'a']) t.match(read(text), /no[t] a decimal/, text)
  t.equal(read('1.234'), 'it has more than 2 digits behind the point')
  t.equal(read('90071992547410.00'), 'its units are not within ±2^53')
  t.equal(read('90071992547409.91'), Number.MAX_SAFE_INTEGER)
  t.equal(decimalText(-(2 ** 80), 2), '-12089258196146291747061.76', 'a sum may be so large')
  t.equal(decimalText(2 ** 80, 0), '1208925819614629174706176')
  t.end()
})
