import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Creates a new self-signed certificate for this machine. */
export function makeCertificate(
  directory: string,
  name: string,
  names?: string,
): { readonly certFile: string; readonly keyFile: string } {
  const files = { certFile: join(directory, `${name}.crt`), keyFile: join(directory, `${name}.key`) };
  writeCertificate(files, name, names);
  return files;
}

export function writeCertificate(
  { certFile, keyFile }: { readonly certFile: string; readonly keyFile: string },
  name: string,
  names = 'DNS:localhost,IP:127.0.0.1',
): void {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile];
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${names}`];
  execFileSync('openssl', ['req', '-x509', ...key, '-out', certFile, '-days', '30', ...subject], { stdio: 'ignore' });
}
