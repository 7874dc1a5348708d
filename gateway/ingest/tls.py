"""TLS towards the broker."""

import ssl

from gateway.ingest.options import TlsOptions
from gateway.ingest.trouble import LinkError, Trouble


def ssl_context(options: TlsOptions) -> ssl.SSLContext:
    """A client context of TLS 1.2 or newer.

    Raises:
        LinkError: a file is missing, can't be read or is no PEM; names the file.
    """
    try:
        context = ssl.create_default_context(cafile=options.ca)
    except (OSError, ssl.SSLError) as error:
        raise LinkError(
            Trouble.TLS, f"broker.tls.ca: {options.ca}: can't be used ({error}); give a PEM file"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if options.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if options.cert is not None:
        try:
            context.load_cert_chain(options.cert, options.key)
        except (OSError, ssl.SSLError) as error:
            text = f"broker.tls.cert: {options.cert}: can't be used ({error}); give a PEM file and its key"
            raise LinkError(Trouble.TLS, text) from error
    return context
