// sigstore-java as a program of its own would use it: nothing but a TUF root and its mirror.
//
//   Client sign CACHE MIRROR ROOT TOKEN-FILE FILE BUNDLE     signs FILE
//   Client attest CACHE MIRROR ROOT TOKEN-FILE FILE BUNDLE   FILE is an in-toto statement
//   Client verify CACHE MIRROR ROOT BUNDLE ARTIFACT IDENTITY ISSUER
import dev.sigstore.AlgorithmRegistry;
import dev.sigstore.KeylessSigner;
import dev.sigstore.KeylessVerifier;
import dev.sigstore.SigningConfigProvider;
import dev.sigstore.TrustedRootProvider;
import dev.sigstore.VerificationOptions;
import dev.sigstore.VerificationOptions.CertificateMatcher;
import dev.sigstore.bundle.Bundle;
import dev.sigstore.oidc.client.OidcClients;
import dev.sigstore.oidc.client.TokenStringOidcClient;
import dev.sigstore.strings.StringMatcher;
import dev.sigstore.tuf.RootProvider;
import dev.sigstore.tuf.SigstoreTufClient;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

public class Client {
  static SigstoreTufClient.Builder tuf(String[] a) {
    return SigstoreTufClient.builder()
        .tufMirror(URI.create(a[2]), RootProvider.fromFile(Path.of(a[3])))
        .tufCacheLocation(Path.of(a[1]))
        .cacheValidity(Duration.ZERO);
  }

  static void sign(String[] a) throws Exception {
    String token = Files.readString(Path.of(a[4])).trim();
    try (var signer =
        KeylessSigner.builder()
            .trustedRootProvider(TrustedRootProvider.from(tuf(a)))
            .signingConfigProvider(SigningConfigProvider.from(tuf(a)))
            .signingAlgorithm(AlgorithmRegistry.SigningAlgorithm.PKIX_ECDSA_P256_SHA_256)
            .enableRekorV2(true)
            .forceCredentialProviders(OidcClients.of(TokenStringOidcClient.from(token)))
            .build()) {
      Bundle bundle =
          a[0].equals("sign") ? signer.signFile(Path.of(a[5])) : signer.attest(Files.readString(Path.of(a[5])));
      Files.writeString(Path.of(a[6]), bundle.toJson());
    }
  }

  static void verify(String[] a) throws Exception {
    var who =
        CertificateMatcher.fulcio()
            .subjectAlternativeName(StringMatcher.string(a[6]))
            .issuer(StringMatcher.string(a[7]))
            .build();
    KeylessVerifier.builder()
        .trustedRootProvider(TrustedRootProvider.from(tuf(a)))
        .build()
        .verify(
            Path.of(a[5]),
            Bundle.from(Path.of(a[4]), StandardCharsets.UTF_8),
            VerificationOptions.builder().addCertificateMatchers(who).build());
  }

  public static void main(String[] a) throws Exception {
    if (a.length == 7 && !a[0].equals("verify")) sign(a);
    else if (a.length == 8 && a[0].equals("verify")) verify(a);
    else throw new IllegalArgumentException("usage: Client sign|attest|verify CACHE MIRROR ROOT …");
  }
}
