"""The local content store: blobs and ingests in a directory. containerd: plugins/content/local.

blobs/<algorithm>/<hex>                                     read-only, there whole or not at all
ingest/<sha256 of the ref>/{ref,data,startedat,updatedat,total}
"""
