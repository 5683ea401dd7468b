import type { Test } from 'tap';
import type { BrowserContext, Page } from 'playwright-core';
import type { Endpoint } from '../../server/index.js';
import { until } from './until.js';

/** The inspector in a real browser, with the faults that the browser reported. */
export interface InspectorPage {
  readonly page: Page;
  /** Errors and warnings of the console, exceptions, requests to other hosts, violations of the page's security policy. */
  readonly complaints: string[];
}

export const addressOf = ({ url, token }: Endpoint): string => `${url.replace(/^ws/, 'http')}/#token=${token}`;

/** Opens the inspector in a new tab. */
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

/** Returns all complaints, including the page's policy reports. */
export async function complaintsOf({ page, complaints }: InspectorPage): Promise<string[]> {
  const reports = await page.evaluate(() => (window as unknown as { policyReports: string[] }).policyReports);
  return [...complaints, ...reports];
}

/**
 * Waits until the text of an element matches, and asserts it. The wait is needed because the page paints later than the data
 * arrives, and shows the old text until then.
 */
export async function shows(t: Test, page: Page, selector: string, pattern: RegExp, message?: string): Promise<void> {
  let text = '';
  const what = message ?? `${selector} reads ${String(pattern)}`;
  // If the text never matches, the assertion below shows it.
  await until(what, async () => pattern.test((text = await page.innerText(selector)))).catch(() => undefined);
  t.match(text, pattern, what);
}
