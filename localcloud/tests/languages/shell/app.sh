# What a program does without an SDK: it exchanges its projected token, reads a secret, and is refused another.

token() { # of the service that is named
  curl --silent --show-error --fail "${AZURE_AUTHORITY_HOST}${AZURE_TENANT_ID}/oauth2/v2.0/token" \
    --data-urlencode "client_id=$AZURE_CLIENT_ID" \
    --data-urlencode "client_assertion@$AZURE_FEDERATED_TOKEN_FILE" \
    --data-urlencode "client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer" \
    --data-urlencode "grant_type=client_credentials" \
    --data-urlencode "scope=$1/.default" | field access_token
}

field() { # of this name, in the JSON that is read
  sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"
}

secret() { # of this name, as Key Vault answers
  curl --silent --show-error --header "Authorization: Bearer $token" \
    "${AZURE_KEYVAULT_RESOURCEENDPOINT}secrets/$1?api-version=7.4"
}

token=$(token https://vault.azure.net)
echo "Key Vault, get: $(secret api-key | field value)"
echo "Key Vault, get what is not granted: $(secret billing-key | sed 's/.*innererror/{/' | field code)"
