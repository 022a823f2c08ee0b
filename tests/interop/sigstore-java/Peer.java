// sigstore-java's own signer, which asks a CA by gRPC alone, and its verifier.
import dev.sigstore.AlgorithmRegistry;
import dev.sigstore.KeylessSigner;
import dev.sigstore.KeylessVerifier;
import dev.sigstore.SigningConfigProvider;
import dev.sigstore.TrustedRootProvider;
import dev.sigstore.VerificationOptions;
import dev.sigstore.bundle.Bundle;
import dev.sigstore.oidc.client.OidcClients;
import dev.sigstore.oidc.client.TokenStringOidcClient;
import java.nio.file.Files;
import java.nio.file.Path;

public class Peer {
  public static void main(String[] args) throws Exception {
    Path trustedRoot = Path.of(args[0]);
    Path signingConfig = Path.of(args[1]);
    String token = Files.readString(Path.of(args[2])).trim();
    Path artifact = Path.of(args[3]);
    Path bundleFile = Path.of(args[4]);
    var roots = TrustedRootProvider.from(trustedRoot);
    Bundle bundle;
    try (var signer =
        KeylessSigner.builder()
            .trustedRootProvider(roots)
            .signingConfigProvider(SigningConfigProvider.from(signingConfig))
            .signingAlgorithm(AlgorithmRegistry.SigningAlgorithm.PKIX_ECDSA_P256_SHA_256)
            .enableRekorV2(true)
            .forceCredentialProviders(OidcClients.of(TokenStringOidcClient.from(token)))
            .build()) {
      // It takes an index of 0, and a proof without hashes, for fields that are missing: a log's
      // first entry is none for it.
      signer.signFile(artifact);
      bundle = signer.signFile(artifact);
    }
    Files.writeString(bundleFile, bundle.toJson());
    var verifier = KeylessVerifier.builder().trustedRootProvider(roots).build();
    verifier.verify(artifact, Bundle.from(bundleFile, java.nio.charset.StandardCharsets.UTF_8),
        VerificationOptions.empty());
    System.out.println("signed and verified");
  }
}
