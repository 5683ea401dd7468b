import type { Segment } from '../model/history.js';

/** A piece of the capture as it is stored. */
export interface SealedPiece {
  readonly after: number;
  readonly nonce: Uint8Array<ArrayBuffer>;
  readonly sealed: ArrayBuffer;
}

/** The form of what is stored. What another build has stored in another form is not read. */
const FORM = 'muse-bus capture 1';

/**
 * Encrypts what is stored with a key made of the token, which only the tab knows. What is left in the browser after the tab can be read by
 * nobody else, such as a later page of another program on the same port.
 */
export class CaptureCipher {
  private constructor(
    /** Names the server and its token, without telling the token. */
    readonly owner: string,
    private readonly key: CryptoKey,
  ) {}

  /** @throws where the page may not encrypt: it has to come from this machine or over TLS */
  static async of(url: string, token: string): Promise<CaptureCipher> {
    if (!isSecureContext) throw new Error('the browser encrypts only on pages of this machine or over TLS');
    const digest = (use: string): Promise<ArrayBuffer> =>
      crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify([FORM, use, url, token])));
    const owner = [...new Uint8Array(await digest('owner'))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    const key = await crypto.subtle.importKey('raw', await digest('key'), 'AES-GCM', false, ['encrypt', 'decrypt']);
    return new CaptureCipher(owner, key);
  }

  /** Encrypts a piece for one epoch of the server. */
  async seal({ after, to, events }: Segment, epoch: string): Promise<SealedPiece> {
    const nonce = crypto.getRandomValues(new Uint8Array(12));
    const text = new TextEncoder().encode(JSON.stringify({ after, to, events }));
    return { after, nonce, sealed: await crypto.subtle.encrypt(this.#way(nonce, epoch), this.key, text) };
  }

  /** @throws if the piece was encrypted with another token or for another epoch */
  async unseal({ nonce, sealed }: SealedPiece, epoch: string): Promise<Segment> {
    const text = await crypto.subtle.decrypt(this.#way(nonce, epoch), this.key, sealed);
    return JSON.parse(new TextDecoder().decode(text)) as Segment;
  }

  #way(nonce: Uint8Array<ArrayBuffer>, epoch: string): AesGcmParams {
    return { name: 'AES-GCM', iv: nonce, additionalData: new TextEncoder().encode(epoch) };
  }
}
