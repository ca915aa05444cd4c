/** Reads a price list, lines of `article;cents`, and writes down what is in it. */
import { appendFile, readFile } from 'node:fs/promises'
import { NotRetryable, onRecord } from 'millrace'
import { priceLists } from '../channels.ts'

const { PRICES = '' } = process.env

export const handler = onRecord(priceLists, async ({ data }) => {
  const lines = (await readFile(data.file, 'utf8')).trimEnd().split('\n')
  const prices = lines.map(line => /^[^;]+;(\d+)$/.exec(line)?.[1])
  if (prices.includes(undefined)) throw new NotRetryable(`${data.path} is no price list`)
  const cents = prices.reduce((sum, price) => sum + Number(price), 0)
  await appendFile(PRICES, `${JSON.stringify({ path: data.path, articles: prices.length, cents })}\n`)
})
