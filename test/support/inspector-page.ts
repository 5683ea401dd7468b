import type { Test } from 'tap';
import type { BrowserContext, Page } from 'playwright-core';
import type { Endpoint } from '../../server/index.js';
import { until } from './until.js';

/** The inspector in a real browser, and everything that it should not have done. */
export interface InspectorPage {
  readonly page: Page;
  /** Errors and warnings of the console, exceptions, requests to other hosts, reports of the page's policy. */
  readonly complaints: string[];
}

export const addressOf = ({ url, token }: Endpoint): string => `${url.replace(/^ws/, 'http')}/#token=${token}`;

/** A tab with the inspector at an address. */
export async function openInspector(context: BrowserContext, address: string): Promise<InspectorPage> {
  const page = await context.newPage();
  await page.setViewportSize({ width: 1280, height: 720 });
  const complaints: string[] = [];
  const own = new URL(address).host;
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    if (protocol.startsWith('http') && host !== own) complaints.push(`request to ${host}`);
  });
  await page.addInitScript(() => {
    const reports: string[] = [];
    Object.assign(window, { policyReports: reports });
    document.addEventListener('securitypolicyviolation', (event) => {
      reports.push(`policy: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  await page.goto(address);
  return { page, complaints };
}

/** All complaints, with the page's own policy reports. */
export async function complaintsOf({ page, complaints }: InspectorPage): Promise<string[]> {
  const reports = await page.evaluate(() => (window as unknown as { policyReports: string[] }).policyReports);
  return [...complaints, ...reports];
}

/**
 * Asserts what an element reads, once it does: a page paints when it can, and until then what stood there before is still
 * to be read.
 */
export async function shows(t: Test, page: Page, selector: string, pattern: RegExp, message?: string): Promise<void> {
  let text = '';
  const what = message ?? `${selector} reads ${String(pattern)}`;
  // Where it never does, the assertion shows what it reads instead.
  await until(what, async () => pattern.test((text = await page.innerText(selector)))).catch(() => undefined);
  t.match(text, pattern, what);
}
